//! Names that people give to things, as types that cannot be empty, endless or full of control characters.

use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;

/// The name of a script, an agent or a job: 1 to 128 characters, no control characters, no space at either end.
///
/// Unique per kind of thing without regard to case; see [`Name::key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The most characters.
    pub const CHARS_MAX: usize = 128;

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique: the name in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        check_text("name", text, 1, Self::CHARS_MAX)?;
        if text.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Err(Invalid::new("name", "holds a control or invisible character; leave it out"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user signs in with: 1 to 64 of `a-z 0-9 . _ - @ +`. Capitals are taken as small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_ascii_lowercase();
        check_text("username", &text, 1, 64)?;
        if !text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@+".contains(c)) {
            return Err(Invalid::new("username", "may hold letters, digits and . _ - @ + only"));
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address: something, an `@`, a domain; at most 254 characters. Whether it is reachable is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        check_text("email", text, 3, 254)?;
        let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        match text.rsplit_once('@') {
            Some((local, domain)) if plain && !local.is_empty() && !domain.is_empty() && !local.contains('@') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Invalid::new("email", "is not an e-mail address; write it as name@example.org")),
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Free text about a thing: at most 4,096 characters, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Description(String);

impl Description {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Description {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_text("description", text, 0, 4_096)?;
        if text.contains('\0') {
            return Err(Invalid::new("description", "holds a NUL character; leave it out"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Checks a text's length in characters.
fn check_text(field: &str, text: &str, least: usize, most: usize) -> Result<(), Invalid> {
    let count = text.chars().count();
    if count < least {
        Err(Invalid::new(
            field,
            if least == 1 {
                "is empty; give one".to_owned()
            } else {
                format!("is too short; give at least {least} characters")
            },
        ))
    } else if count > most {
        Err(Invalid::new(field, format!("has {count} characters; give at most {most}")))
    } else {
        Ok(())
    }
}

/// Characters that change how the text around them is shown without being seen: two names could look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}')
}
