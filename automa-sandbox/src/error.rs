//! The one error of this crate: what a caller can do about a backend that does not start.

/// Why a backend cannot be used. What happens to a script is never an error; it is in the
/// [`Outcome`](automa_core::sandbox::Outcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This program was built without the Python guest, and none was given.
    #[error("built without the Python guest: run `cargo xtask guest`, then build again")]
    GuestMissing,
    /// The backend does not work on this machine, or its parts are damaged.
    #[error("{reason}")]
    Unusable {
        /// What is wrong, in one line.
        reason: String,
    },
}
