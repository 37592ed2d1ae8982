//! A cron expression: its text, and what the text means.

use std::fmt;
use std::str::FromStr;

use super::fields::Fields;
use super::parse;
use crate::error::Invalid;

/// A cron expression that has been read and that happens at least once in 400 years.
///
/// The syntax stands in the documentation of [`schedule`](super). Two are equal when they are written the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CronExpr {
    text: Box<str>,
    fields: Fields,
}

impl CronExpr {
    /// The most bytes of an expression, without white space around it.
    pub const MAX_LENGTH: usize = 256;

    /// The expression as it was written, without white space around it; nicknames stay.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }
}

impl FromStr for CronExpr {
    type Err = Invalid;

    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with one problem for each field at fault, all of them at once, the problem's field being `second`,
    /// `minute`, `hour`, `day_of_month`, `month` or `day_of_week`; or one problem without a field when the whole
    /// cannot be taken apart.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let fields = parse::expression(text)?;
        Ok(Self { text: text.into(), fields })
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
