//! Everything a person or CI does with this repository, as `cargo xtask <command>`.
//!
//! One file per job. Heavy work is done by the tools that are made for it (cargo, pip, maturin, cargo-deny), as
//! child processes; nothing here has a dependency, so that a fresh clone can say what it is about to do within
//! seconds.

mod args;
mod bench;
mod cli;
mod docs;
mod failure;
mod guest;
mod process;
mod python;
mod serve;
mod setup;
mod test;
pub mod tidy;
mod tools;
mod workspace;

pub use cli::run;
