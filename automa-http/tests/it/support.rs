//! What the tests share: a router with an engine behind it, a sandbox that does as it is told, a store that fails.

pub(crate) mod api;
pub(crate) mod fake;
pub(crate) mod process;

/// An id that has the right shape and that nothing has.
pub(crate) const NOBODY: &str = "0192f0c1-2b3c-7def-8123-456789abcdef";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
