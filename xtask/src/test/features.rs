//! Each feature of each crate alone, none, and all: a feature that only builds together with another is no feature.

use std::collections::BTreeSet;
use std::fs;

use super::Ending;
use crate::failure::{OrFail, Result};
use crate::process::Run;
use crate::workspace::Workspace;

/// The crates that others depend on.
const CRATES: &[&str] = &["automa-core", "automa-sandbox", "automa-http", "automa-py"];

pub(super) fn check(ws: &Workspace) -> Result<Ending> {
    for name in CRATES {
        let manifest = ws.path(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).or_fail(format_args!("read {}", manifest.display()))?;
        for features in selections(&text) {
            let given = features.as_deref().map(|list| ["--no-default-features", "--features", list]);
            let args = given.as_ref().map_or(&["--all-features"][..], |given| &given[..]);
            // Clippy's driver passes the warnings on to our crates only, so what is checked of the dependencies is
            // kept; RUSTFLAGS would check all of them again.
            ws.cargo(["clippy", "--quiet", "--package", name]).args(args).args(["--", "-D", "warnings"]).run()?;
        }
    }
    Ok(Ending::Passed)
}

/// What to build a crate with, each a list for `--features`, and `None` for all. What is the same is not said twice.
fn selections(manifest: &str) -> Vec<Option<String>> {
    let names = features(manifest);
    // Without a feature there is only the crate itself, which the step before has built.
    if names.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<_> = std::iter::once(String::new()).chain(names.iter().cloned()).map(Some).collect();
    if names.len() > 1 {
        all.push(None);
    }
    all
}

/// The names in `[features]`, without `default`.
fn features(manifest: &str) -> BTreeSet<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with(['#', ' ', ']'])).filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim().to_owned()).filter(|name| name != "default").collect()
}

#[cfg(test)]
mod tests {
    use super::selections;

    const MANIFEST: &str = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n# Why.\na = []\nb = [\n    \"dep:c\",\n]\n\n[dependencies]\nc = \"1\"\n";

    #[test]
    fn none_then_each_alone_then_all() {
        let wanted = [Some(String::new()), Some("a".to_owned()), Some("b".to_owned()), None];
        assert_eq!(selections(MANIFEST), wanted);
    }

    #[test]
    fn one_feature_alone_is_all_of_them() {
        assert_eq!(selections("[features]\nonly = []\n"), [Some(String::new()), Some("only".to_owned())]);
    }

    #[test]
    fn a_crate_without_features_has_nothing_to_select() {
        assert!(selections("[package]\n[dependencies]\na = \"1\"\n").is_empty());
    }
}
