//! The log: on stderr, as lines for people or as JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Failure;
use crate::exit_codes;
use crate::settings::LogFormat;

/// What libraries say to themselves, which hides what Automa says: left out unless it is asked for by name.
const QUIET: &str = "sled=warn,hyper=info,mio=info,want=info,wasmtime=info,cranelift=info,regalloc2=info";

/// The filter that is meant by what was given: a bare level is about Automa.
fn meant(filter: &str) -> String {
    match filter.trim().parse::<LevelFilter>() {
        Ok(level) if level >= LevelFilter::DEBUG => format!("{level},{QUIET}"),
        _ => filter.to_owned(),
    }
}

/// Starts logging what `filter` lets through. A second call does nothing.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(meant(filter)).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::{QUIET, meant};

    #[test]
    fn a_bare_level_is_about_automa_and_names_are_taken_at_their_word() {
        assert_eq!(meant("debug"), format!("debug,{QUIET}"));
        assert_eq!(meant(" TRACE "), format!("trace,{QUIET}"));
        for filter in ["info", "warn", "debug,sled=debug", "automa_http=trace", "x=y=z"] {
            assert_eq!(meant(filter), filter);
        }
    }
}
