//! The few kinds of arguments that the commands take.

use crate::failure::{Failure, Result};

/// The arguments behind a command's name, taken out one kind at a time; [`finish`](Self::finish) refuses the rest.
#[derive(Debug)]
pub(crate) struct Args {
    own: Vec<String>,
    passed: Vec<String>,
}

impl Args {
    /// Splits at the first `--`: what stands behind it is for the program that the command starts.
    pub(crate) fn new(all: Vec<String>) -> Self {
        let mut own = all;
        let at = own.iter().position(|arg| arg == "--").unwrap_or(own.len());
        let passed = own.split_off(at).into_iter().skip(1).collect();
        Self { own, passed }
    }

    /// Whether a flag such as `--demo` is given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.own.len();
        self.own.retain(|arg| arg != name);
        self.own.len() < before
    }

    /// Every value of an option that may be repeated, as `--only a --only=b`.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        let mut rest = Vec::new();
        let mut args = std::mem::take(&mut self.own).into_iter();
        while let Some(arg) = args.next() {
            if arg == name {
                values.push(args.next().ok_or_else(|| Failure(format!("{name} needs a value behind it")))?);
            } else if let Some(value) = arg.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                values.push(value.to_owned());
            } else {
                rest.push(arg);
            }
        }
        self.own = rest;
        Ok(values)
    }

    /// What stands behind `--`.
    pub(crate) fn passed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.passed)
    }

    /// Everything that is left, before and behind `--`, for a program that has its own options.
    pub(crate) fn everything(&mut self) -> Vec<String> {
        let mut all = std::mem::take(&mut self.own);
        all.append(&mut self.passed);
        all
    }

    /// Refuses what no one took.
    pub(crate) fn finish(self) -> Result {
        let Some(first) = self.own.iter().chain(&self.passed).next() else { return Ok(()) };
        Err(Failure(format!("unknown argument `{first}`; `cargo xtask help` lists what there is")))
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn what_stands_behind_two_dashes_is_passed_on() {
        let mut given = args("--demo -- --port 1 --demo");
        assert!(given.flag("--demo"));
        assert!(!given.flag("--demo"));
        assert_eq!(given.passed(), ["--port", "1", "--demo"]);
        assert!(given.finish().is_ok());
    }

    #[test]
    fn an_option_is_taken_in_both_spellings_and_may_be_repeated() {
        let mut given = args("--only tidy --keep-going --only=deny");
        assert_eq!(given.values("--only").unwrap(), ["tidy", "deny"]);
        assert!(given.flag("--keep-going"));
        assert!(given.finish().is_ok());
    }

    #[test]
    fn an_option_without_its_value_is_refused() {
        assert!(args("--only").values("--only").unwrap_err().0.contains("needs a value"));
    }

    #[test]
    fn an_unknown_argument_is_refused_by_name() {
        assert!(args("--onyl tidy").finish().unwrap_err().0.contains("`--onyl`"));
    }
}
