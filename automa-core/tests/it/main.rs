//! Everything that this crate promises, as one test binary.
#![expect(clippy::unwrap_used, reason = "a test whose preparation fails has failed")]

mod access;
mod doubles;
mod engine;
mod folder;
mod schedule;
mod store;
mod store_audit;
mod store_kv;
mod store_record;
mod store_sled;
