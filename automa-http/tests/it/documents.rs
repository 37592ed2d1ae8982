//! What the documents say is what the program does.

use std::collections::BTreeSet;
use std::path::Path;

use automa_http::problem::CODES;
use automa_http::{exit_codes, openapi, settings};

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table below a heading, each as its cells.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading);
    assert!(lines.next().is_some(), "there is no heading {heading:?}");
    let rows = lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

#[test]
fn the_list_of_codes_is_the_programs() {
    let documented: BTreeSet<_> = table(&document("http-api.md"), "Codes")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse::<u16>().unwrap()))
        .collect();
    let known: BTreeSet<_> = CODES.iter().map(|it| (it.code.to_owned(), it.status)).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_list_of_exit_codes_is_the_programs() {
    let documented: BTreeSet<_> = table(&document("cli.md"), "Exit codes")
        .into_iter()
        .map(|row| (row[0].parse::<u8>().unwrap(), row[1].clone()))
        .collect();
    let meaning = |text: &str| text.trim().trim_end_matches('.').replace('`', "");
    let known: BTreeSet<_> = exit_codes::ALL.iter().map(|(code, text)| (*code, meaning(text))).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_list_of_settings_is_the_programs() {
    let documented: BTreeSet<_> = table(&document("configuration.md"), "Settings")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let known: BTreeSet<_> = settings::ALL
        .iter()
        .map(|it| {
            let files = if it.secret { " (also _file, _FILE)" } else { "" };
            (it.key.to_owned(), format!("{}{files}", it.variables.join(", ")))
        })
        .collect();
    assert_eq!(documented, known);
}

/// `UPDATE_OPENAPI=1` writes the copy anew.
#[test]
fn the_committed_openapi_document_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "openapi.json is out of date; run the tests with UPDATE_OPENAPI=1 and commit it");
}

#[test]
fn every_operation_says_what_can_go_wrong() {
    let document = serde_json::to_value(openapi()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let problem = |it: &serde_json::Value| it["content"].get("application/problem+json").is_some();
            let statuses: Vec<_> =
                responses.iter().filter(|(_, it)| problem(it)).map(|(status, _)| status.as_str()).collect();
            let exempt = ["/healthz", "/version"].contains(&path.as_str());
            assert!(exempt || statuses.contains(&"500"), "{method} {path} names no problems");
            let open = operation["security"].as_array().is_some();
            assert!(open || statuses.contains(&"401"), "{method} {path} does not say 401");
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path} has no summary");
        }
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "there is no schema {name}");
    }
}
