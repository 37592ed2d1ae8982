//! Settings: flags over environment over file over defaults; an unknown key is an error that names the closest known.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use automa_core::automa::Settings as EngineSettings;
use automa_core::error::Invalid;
use automa_core::limits::parse_duration;

/// The file that is read when it is there and none was named.
pub const FILE: &str = "automa.toml";

/// A setting: its key in the file, and the variables of the environment that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file; as a flag, with hyphens.
    pub key: &'static str,
    /// The variables, in the order in which they are looked at.
    pub variables: &'static [&'static str],
    /// Whether it can also come from a file of its own: `<key>_file`, `<VARIABLE>_FILE`.
    pub secret: bool,
}

macro_rules! settings {
    ($($key:literal $(, $variable:literal)+ $(, secret = $secret:literal)?;)+) => {
        /// Every setting. `docs/src/configuration.md` explains them, and a test compares.
        pub const ALL: &[Setting] = &[$(Setting {
            key: $key,
            variables: &[$($variable),+],
            secret: false $(|| $secret)?,
        }),+];
    };
}

settings! {
    "listen", "AUTOMA_LISTEN";
    "data", "AUTOMA_DATA";
    "database_url", "AUTOMA_DATABASE_URL", "DATABASE_URL", secret = true;
    "secret_key", "AUTOMA_SECRET_KEY", "SECRET_KEY", secret = true;
    "access_token_expire_minutes", "AUTOMA_ACCESS_TOKEN_EXPIRE_MINUTES", "ACCESS_TOKEN_EXPIRE_MINUTES";
    "session", "AUTOMA_SESSION";
    "open_registration", "AUTOMA_OPEN_REGISTRATION";
    "workers", "AUTOMA_WORKERS";
    "grace", "AUTOMA_GRACE";
    "log", "AUTOMA_LOG", "RUST_LOG";
    "log_format", "AUTOMA_LOG_FORMAT";
    "sandbox_image", "AUTOMA_SANDBOX_IMAGE", "SANDBOX_IMAGE";
    "demo", "AUTOMA_DEMO";
}

/// Variables that begin with `AUTOMA_` and are no settings: the file's name, what the build reads, what scripts get.
const OTHER_VARIABLES: [&str; 6] = [
    "AUTOMA_CONFIG",
    "AUTOMA_GUEST_FILE",
    "AUTOMA_EXECUTION_ID",
    "AUTOMA_JOB_ID",
    "AUTOMA_ATTEMPT",
    "AUTOMA_SCHEDULED_AT",
];

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this folder.
    Folder(PathBuf),
    /// In memory: gone when the server ends.
    Memory,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A secret: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How the program works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub place: Place,
    /// What access tokens are signed with; `None` for a key in the data folder.
    pub secret_key: Option<Secret>,
    /// How long an access token counts.
    pub token_lifetime: Duration,
    /// How the engine works.
    pub engine: EngineSettings,
    /// How long executions may go on once the server was told to end.
    pub grace: Duration,
    /// What is logged, as `RUST_LOG` says it.
    pub log: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// The image of the Docker backend, which this version does not have yet.
    pub sandbox_image: Option<String>,
    /// Whether to make a demonstration on the first start.
    pub demo: bool,
}

/// What was given, before anybody asks what it means.
#[derive(Debug, Default)]
pub struct Layers {
    /// By key; the strongest layer wins.
    given: BTreeMap<&'static str, Given>,
}

#[derive(Debug, Clone)]
struct Given {
    text: String,
    /// Where it came from, for people.
    from: String,
    /// 0 for flags, 1 for the environment, 2 for the file.
    layer: u8,
}

impl Layers {
    /// Collects flags, the environment and the file. The file is `config`, or what `AUTOMA_CONFIG` names, or
    /// `automa.toml` in `folder` where that exists.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for an unknown variable or key, and for a file that cannot be read.
    pub fn collect(
        flags: impl IntoIterator<Item = (&'static str, String)>,
        environment: impl IntoIterator<Item = (String, String)>,
        config: Option<&Path>,
        folder: &Path,
    ) -> Result<Self, Invalid> {
        // A variable that is set to nothing is as good as not set: compose files cannot leave one out.
        let environment: BTreeMap<_, _> = environment.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut layers = Self::default();
        for (key, text) in flags {
            layers.put(key, Given { text, from: format!("--{}", key.replace('_', "-")), layer: 0 });
        }
        layers.read_environment(&environment)?;
        let named = config.map(Path::to_owned).or_else(|| environment.get("AUTOMA_CONFIG").map(PathBuf::from));
        let path = folder.join(named.as_deref().unwrap_or(Path::new(FILE)));
        match fs::read_to_string(&path) {
            Ok(text) => layers.read_file(&path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => return Err(Invalid::new("config", format!("{} cannot be read: {error}", path.display()))),
        }
        Ok(layers)
    }

    fn put(&mut self, key: &'static str, given: Given) {
        let weaker = self.given.get(key).is_none_or(|there| there.layer > given.layer);
        if weaker {
            self.given.insert(key, given);
        }
    }

    fn read_environment(&mut self, environment: &BTreeMap<String, String>) -> Result<(), Invalid> {
        let known: Vec<String> = ALL.iter().flat_map(names_in_environment).collect();
        for name in environment.keys().filter(|name| name.starts_with("AUTOMA_")) {
            if !known.contains(name) && !OTHER_VARIABLES.contains(&name.as_str()) {
                return Err(unknown("environment variable", name, known.iter().map(String::as_str)));
            }
        }
        for setting in ALL {
            for variable in setting.variables {
                let file = format!("{variable}_FILE");
                let direct = environment.get(*variable).cloned();
                let text = match environment.get(&file).filter(|_| setting.secret) {
                    Some(_) if direct.is_some() => {
                        return Err(Invalid::new(
                            setting.key,
                            format!("{variable} and {file} are both set; set one of them"),
                        ));
                    }
                    Some(path) => Some(read_secret(setting.key, Path::new(path))?),
                    None => direct,
                };
                if let Some(text) = text {
                    self.put(setting.key, Given { text, from: (*variable).to_owned(), layer: 1 });
                }
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), Invalid> {
        let shown = path.display();
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Invalid::new("config", format!("{shown}, line {line}: {}", error.message().trim()))
        })?;
        let known: Vec<String> = ALL.iter().flat_map(names_in_file).collect();
        for (name, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(yes) => yes.to_string(),
                _ => {
                    let known = known.iter().map(String::as_str);
                    return Err(if known.clone().any(|known| known == name) {
                        Invalid::new(name, format!("must be a text, a number or a boolean in {shown}"))
                    } else {
                        unknown(&format!("key in {shown}"), &name, known)
                    });
                }
            };
            let from = format!("{name} in {shown}");
            let Some(setting) = ALL.iter().find(|setting| names_in_file(setting).contains(&name)) else {
                return Err(unknown(&format!("key in {shown}"), &name, known.iter().map(String::as_str)));
            };
            let secret_file = name != setting.key;
            if secret_file && text.is_empty() {
                continue;
            }
            let text = if secret_file {
                let beside = path.parent().unwrap_or(Path::new(".")).join(text);
                read_secret(setting.key, &beside)?
            } else {
                text
            };
            self.put(setting.key, Given { text, from, layer: 2 });
        }
        Ok(())
    }

    /// Reads one setting; what is wrong with it is said of the place that it came from.
    fn read<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, Invalid> {
        let Some(given) = self.given.get(key) else { return Ok(None) };
        read(given.text.trim()).map(Some).map_err(|invalid| {
            let text: Vec<_> = invalid.problems().iter().map(|problem| problem.message.clone()).collect();
            Invalid::new(key, format!("{} (from {})", text.join("; "), given.from))
        })
    }

    /// Where everything is kept: the data folder, or what the database URL says, whichever is given more directly.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when both are given in the same place, and for a URL that leads nowhere.
    pub fn place(&self) -> Result<Place, Invalid> {
        let (data, url) = (self.given.get("data"), self.given.get("database_url"));
        if let (Some(data), Some(url)) = (data, url)
            && data.layer == url.layer
        {
            return Err(Invalid::new(
                "data",
                format!("is given by {} and by {}; give one of them", data.from, url.from),
            ));
        }
        if url.is_some_and(|url| data.is_none_or(|data| url.layer < data.layer)) {
            return Ok(self.read("database_url", place)?.unwrap_or_else(|| Place::Folder(DATA.into())));
        }
        Ok(Place::Folder(data.map_or_else(|| DATA.into(), |given| PathBuf::from(&given.text))))
    }
}

const DATA: &str = "./automa-data";

impl Settings {
    /// What the layers mean together.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for the first setting that makes no sense, with the place that it came from.
    pub fn read(layers: &Layers) -> Result<Self, Invalid> {
        let mut engine = EngineSettings::default();
        let whole =
            |text: &str| text.parse::<usize>().map_err(|_| Invalid::new("", format!("{text:?} is not a whole number")));
        if let Some(workers) = layers.read("workers", whole)? {
            engine.workers = workers;
        }
        if let Some(session) = layers.read("session", parse_duration)? {
            engine.session = session;
        }
        if let Some(open) = layers.read("open_registration", yes_or_no)? {
            engine.open_registration = open;
        }
        let minutes = |text: &str| match text.parse::<u32>() {
            Ok(minutes @ 1..=1_440) => Ok(Duration::from_secs(u64::from(minutes) * 60)),
            _ => Err(Invalid::new("", format!("{text:?} is not a number of minutes from 1 to 1440"))),
        };
        Ok(Self {
            listen: layers.read("listen", address)?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            place: layers.place()?,
            secret_key: layers.read("secret_key", |text| Ok(Secret(text.to_owned())))?,
            token_lifetime: layers.read("access_token_expire_minutes", minutes)?.unwrap_or(crate::Tokens::LIFETIME),
            engine,
            grace: layers.read("grace", parse_duration)?.unwrap_or(Duration::from_secs(30)),
            log: layers.read("log", |text| Ok(text.to_owned()))?.unwrap_or_else(|| "info".to_owned()),
            log_format: layers.read("log_format", |text| text.parse())?.unwrap_or(LogFormat::Text),
            sandbox_image: layers.read("sandbox_image", |text| Ok(text.to_owned()))?,
            demo: layers.read("demo", yes_or_no)?.unwrap_or(false),
        })
    }
}

impl FromStr for LogFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Invalid::new("", format!("{text:?} is none of text, json"))),
        }
    }
}

fn yes_or_no(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Invalid::new("", format!("{text:?} is neither true nor false"))),
    }
}

fn address(text: &str) -> Result<SocketAddr, Invalid> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric
        .parse()
        .map_err(|_| Invalid::new("", format!("{text:?} is not an address; write it as 127.0.0.1:8080 or [::1]:8080")))
}

/// What a database URL means. The URL may hold a password, so no error repeats it.
fn place(url: &str) -> Result<Place, Invalid> {
    let Some((scheme, rest)) = url.split_once("://") else { return Ok(Place::Folder(url.into())) };
    match scheme.to_ascii_lowercase().as_str() {
        "sled" | "file" if !rest.is_empty() => Ok(Place::Folder(rest.into())),
        "sled" | "file" => Err(Invalid::new("", "names no folder; write it as sled:///srv/automa")),
        "memory" => Ok(Place::Memory),
        "postgres" | "postgresql" => {
            Err(Invalid::new("", "PostgreSQL is not supported yet; use sled:///srv/automa, or leave it out"))
        }
        other => Err(Invalid::new("", format!("{other} is not supported; use sled:///srv/automa or memory://"))),
    }
}

fn read_secret(key: &str, path: &Path) -> Result<String, Invalid> {
    let read = fs::read_to_string(path);
    let text = read.map_err(|error| Invalid::new(key, format!("{} cannot be read: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn names_in_file(setting: &Setting) -> Vec<String> {
    let file = setting.secret.then(|| format!("{}_file", setting.key));
    std::iter::once(setting.key.to_owned()).chain(file).collect()
}

fn names_in_environment(setting: &Setting) -> Vec<String> {
    let files = setting.variables.iter().filter(|_| setting.secret).map(|name| format!("{name}_FILE"));
    setting.variables.iter().map(|name| (*name).to_owned()).chain(files).collect()
}

/// The error for a name that is not known, with the known one that comes closest.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Invalid {
    let closest = known
        .map(|known| (strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase()), known))
        .min_by_key(|(away, _)| *away)
        .filter(|(away, _)| *away <= name.len().div_ceil(3));
    let remedy = match closest {
        Some((_, known)) => format!("did you mean {known}?"),
        None => "docs/src/configuration.md lists those that are".to_owned(),
    };
    Invalid::new(name, format!("is no known {what}; {remedy}"))
}
