//! What one execution may reach: nothing, unless it is granted here.

use std::collections::BTreeMap;

use crate::error::{Invalid, Problem};

/// Whether a script can reach other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// It cannot, in any way.
    #[default]
    None,
    /// It can, without restriction. Backends without a network refuse to start it.
    Full,
}

/// What one execution may reach beyond its own memory and `/scratch`. The default grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// The network.
    pub network: Network,
    /// Environment variables that the script gets, beside the `AUTOMA_…` ones that it always has.
    pub environment: BTreeMap<String, String>,
}

impl Permissions {
    /// The most environment variables.
    pub const ENVIRONMENT_MAX: usize = 256;
    /// The most bytes that all variables may have together, names and values.
    pub const ENVIRONMENT_BYTES_MAX: usize = 256 * 1024;
    /// The most bytes that one variable may have, name and value together.
    pub const VARIABLE_BYTES_MAX: usize = 32 * 1024;

    /// Whether each grant is well-formed: variable names of letters, digits and `_`, not beginning with a digit
    /// and not with `AUTOMA_`; no NUL in a value.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with one problem per variable at fault.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut problems = Vec::new();
        if self.environment.len() > Self::ENVIRONMENT_MAX {
            let text =
                format!("{} variables are too many; give at most {}", self.environment.len(), Self::ENVIRONMENT_MAX);
            problems.push(Problem::new("environment", text));
        }
        let bytes: usize = self.environment.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > Self::ENVIRONMENT_BYTES_MAX {
            let text = format!("has {bytes} bytes in all; give at most {}", Self::ENVIRONMENT_BYTES_MAX);
            problems.push(Problem::new("environment", text));
        }
        for (name, value) in &self.environment {
            let field = format!("environment.{name}");
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) {
                problems.push(Problem::new(
                    field,
                    "a variable's name has letters, digits and _ and does not begin with a digit",
                ));
            } else if name.starts_with("AUTOMA_") {
                problems.push(Problem::new(field, "names that begin with AUTOMA_ are set by Automa; choose another"));
            } else if value.contains('\0') {
                problems.push(Problem::new(field, "a value cannot hold a NUL character"));
            } else if name.len() + value.len() > Self::VARIABLE_BYTES_MAX {
                problems
                    .push(Problem::new(field, format!("is too long; give at most {} bytes", Self::VARIABLE_BYTES_MAX)));
            }
        }
        Invalid::unless_empty(problems)
    }
}
