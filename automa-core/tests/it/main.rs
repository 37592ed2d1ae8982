//! Everything that this crate promises, as one test binary.
#![expect(clippy::unwrap_used, reason = "a test whose preparation fails has failed")]

mod access;
mod doubles;
mod engine;
mod schedule;
mod folder;
mod store;
mod store_sled;
