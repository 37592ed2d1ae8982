//! Tests of the HTTP API and the command line, through their public faces.
#![expect(clippy::unwrap_used, reason = "a test whose preparation fails has failed")]

mod accounts;
mod commands;
mod crash;
mod disk;
mod documents;
mod executions;
mod listing;
mod matrix;
mod refusals;
mod run;
mod server;
mod settings;
mod support;
