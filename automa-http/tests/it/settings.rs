//! Settings: which layer wins, and what wrong ones get.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use automa_http::settings::{Layers, LogFormat, Place, Settings};

/// Reads settings from a file's text, an environment and flags.
fn read(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        fs::write(folder.path().join("automa.toml"), file).unwrap();
    }
    fs::write(folder.path().join("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let folder = folder.path();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.replace("{folder}", &folder.display().to_string())));
    let flags = flags.iter().map(|(key, value)| (*key, (*value).to_owned()));
    let layers = Layers::collect(flags, environment, None, folder).map_err(|error| error.to_string());
    let shown = folder.display().to_string();
    layers
        .and_then(|layers| Settings::read(&layers).map_err(|error| error.to_string()))
        .map_err(|text| text.replace(&shown, "FOLDER"))
}

fn listen(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn defaults_are_what_the_documentation_says() {
    let settings = read("", &[], &[]).unwrap();
    assert_eq!(settings.listen, listen(8080));
    assert_eq!(settings.place, Place::Folder("./automa-data".into()));
    assert_eq!((settings.token_lifetime, settings.grace), (Duration::from_secs(1_800), Duration::from_secs(30)));
    assert_eq!((settings.log.as_str(), settings.log_format, settings.demo), ("info", LogFormat::Text, false));
    assert!(!settings.engine.open_registration);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nworkers = 7\nopen_registration = true\n";
    assert_eq!(read(file, &[], &[]).unwrap().listen, listen(1));
    let environment = [("AUTOMA_LISTEN", "localhost:2"), ("AUTOMA_WORKERS", "")];
    let settings = read(file, &environment, &[]).unwrap();
    assert_eq!((settings.listen, settings.engine.workers, settings.engine.open_registration), (listen(2), 7, true));
    assert_eq!(read(file, &environment, &[("listen", "127.0.0.1:3")]).unwrap().listen, listen(3));
}

#[test]
fn the_specifications_own_variables_count() {
    let environment = [
        ("DATABASE_URL", "sled:///srv/automa"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "10"),
        ("SANDBOX_IMAGE", "python:3.13-slim"),
        ("RUST_LOG", "debug"),
    ];
    let settings = read("", &environment, &[]).unwrap();
    assert_eq!(settings.place, Place::Folder("/srv/automa".into()));
    assert_eq!(settings.secret_key.unwrap().as_bytes(), b"0123456789abcdef0123456789abcdef");
    assert_eq!(settings.token_lifetime, Duration::from_secs(600));
    assert_eq!((settings.sandbox_image.as_deref(), settings.log.as_str()), (Some("python:3.13-slim"), "debug"));
    // Our own name for it is the more direct one.
    let both = [("RUST_LOG", "debug"), ("AUTOMA_LOG", "warn")];
    assert_eq!(read("", &both, &[]).unwrap().log, "warn");
}

#[test]
fn secrets_can_come_from_files_and_are_never_shown() {
    let from_file = read("", &[("SECRET_KEY_FILE", "{folder}/secret")], &[]).unwrap();
    assert_eq!(from_file.secret_key.as_ref().unwrap().as_bytes(), b"0123456789abcdef0123456789abcdef");
    assert!(!format!("{from_file:?}").contains("0123"));
    let from_toml = read("secret_key_file = \"secret\"", &[], &[]).unwrap();
    assert_eq!(from_toml.secret_key, from_file.secret_key);
    let error = read("", &[("DATABASE_URL", "postgresql://automa:hunter2@db/automa")], &[]).unwrap_err();
    assert_eq!(
        error,
        "database_url: PostgreSQL is not supported yet; use sled:///srv/automa, or leave it out (from DATABASE_URL)"
    );
}

#[test]
fn a_place_is_given_once() {
    let memory = [("DATABASE_URL", "memory://")];
    assert_eq!(read("", &memory, &[]).unwrap().place, Place::Memory);
    assert_eq!(
        read("", &memory, &[("data", "/srv/a")]).unwrap().place,
        Place::Folder("/srv/a".into()),
        "the flag is more direct"
    );
    assert_eq!(read("data = \"/srv/a\"", &memory, &[]).unwrap().place, Place::Memory, "the environment is more direct");
    assert_eq!(read("", &[("DATABASE_URL", "/srv/b")], &[]).unwrap().place, Place::Folder("/srv/b".into()));
}

#[test]
fn wrong_settings_get_one_line_each() {
    let long: &[(&str, &[(&str, &str)])] = &[
        ("listne = \"127.0.0.1:1\"", &[]),
        ("colour = 1", &[]),
        ("[listen]\nport = 1", &[]),
        ("[server]\nport = 1", &[]),
        ("listen = \n", &[]),
        ("workers = -1", &[]),
        ("workers = 1.5", &[]),
        ("", &[("AUTOMA_LISTN", "x")]),
        ("", &[("AUTOMA_LISTEN", "8080")]),
        ("", &[("AUTOMA_LISTEN", "example.org:80")]),
        ("", &[("AUTOMA_WORKERS", "many")]),
        ("", &[("AUTOMA_SESSION", "long")]),
        ("", &[("AUTOMA_OPEN_REGISTRATION", "maybe")]),
        ("", &[("ACCESS_TOKEN_EXPIRE_MINUTES", "0")]),
        ("", &[("ACCESS_TOKEN_EXPIRE_MINUTES", "2000")]),
        ("", &[("AUTOMA_LOG_FORMAT", "xml")]),
        ("", &[("DATABASE_URL", "mysql://root:hunter2@db")]),
        ("", &[("DATABASE_URL", "sled://")]),
        ("", &[("AUTOMA_DATA", "/a"), ("DATABASE_URL", "/b")]),
        ("", &[("SECRET_KEY", "x"), ("SECRET_KEY_FILE", "{folder}/secret")]),
        ("", &[("SECRET_KEY_FILE", "{folder}/nowhere")]),
        ("", &[("AUTOMA_CONFIG", "nowhere.toml")]),
    ];
    let lines: Vec<_> = long
        .iter()
        .map(|(file, environment)| {
            let error = read(file, environment, &[]).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
            let given: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}{}  →  {error}", file.replace('\n', "⏎"), given.join(" "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let error = Layers::collect([], [], Some(Path::new("/nowhere/automa.toml")), Path::new("")).unwrap_err();
    assert!(error.to_string().starts_with("config: /nowhere/automa.toml cannot be read"), "{error}");
}
