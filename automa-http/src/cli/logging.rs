//! The log: on stderr, as lines for people or as JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::exit_codes;
use crate::settings::LogFormat;

/// Starts logging what `filter` lets through. A second call does nothing.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(
            exit_codes::USAGE,
            format!("log: {filter:?} cannot be read: {error}; write it as info or automa=debug"),
        )
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A program that embeds this one may have its own subscriber already, which then stays.
    let _ = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    Ok(())
}
