//! Why a command failed: one message for the person in front of the terminal.

use std::fmt;

/// The result of everything that can fail here.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// A message that says what failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// A failure with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A failure of which everything has been said: it only makes the exit code.
    pub(crate) const fn said_already() -> Self {
        Self(String::new())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Turns an error into a [`Failure`] that says what was being done.
pub(crate) trait OrFail<T> {
    /// `failed to {doing}: {the error}`.
    fn or_fail(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure(format!("failed to {doing}: {error}")))
    }
}
