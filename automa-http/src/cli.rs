//! The command line: `automa serve`, `run`, `doctor`, `user`, `audit`, `version`.

mod audit;
mod doctor;
mod folder;
mod logging;
mod output;
mod run;
mod serve;
mod signals;
mod user;
mod version;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use automa_core::error::{Error, Invalid};

use crate::exit_codes;
use crate::problem::with_sources;

/// Runs Python scripts and agents safely, on a schedule.
#[derive(Debug, Parser)]
#[command(name = "automa", version, disable_help_subcommand = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server: HTTP API, scheduler and workers
    Serve(serve::Args),
    /// Run one script in a sandbox, without a server
    Run(Box<run::Args>),
    /// Show what this machine can do, and what is missing
    Doctor(doctor::Args),
    /// Manage accounts, while the server is stopped
    #[command(subcommand)]
    User(user::Command),
    /// Check the audit log, while the server is stopped
    #[command(subcommand)]
    Audit(audit::Command),
    /// Show the version
    Version(version::Args),
}

/// Why a command ended early: its exit code, and the line that says why.
#[derive(Debug)]
struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    fn new(code: u8, line: impl Into<String>) -> Self {
        Self { code, line: line.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(exit_codes::of(&error), with_sources(&error))
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::new(exit_codes::USAGE, invalid.to_string())
    }
}

/// How a command ended: its exit code.
type Outcome = Result<u8, Failure>;

/// Runs the command that the process was given; the exit code is one of [`exit_codes`], or the script's.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    let outcome = match cli.command {
        Command::Serve(args) => serve::main(&args),
        Command::Run(args) => run::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::User(command) => user::main(&command),
        Command::Audit(command) => audit::main(&command),
        Command::Version(args) => version::main(&args),
    };
    ExitCode::from(outcome.unwrap_or_else(|failure| {
        output::complain(&failure.line);
        failure.code
    }))
}

/// Help goes to stdout as it is; what is wrong with the command line becomes one line.
fn usage(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output::say(error.render().to_string().trim_end());
        return exit_codes::OK;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::complain("no command was given; `automa --help` lists them");
        return exit_codes::USAGE;
    }
    let text = error.render().to_string();
    let words = text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let line = words.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    output::complain(&format!("{line}; `automa --help` explains"));
    exit_codes::USAGE
}

/// A runtime for commands that do one thing.
fn small_runtime() -> Result<Runtime, Failure> {
    runtime(Builder::new_current_thread())
}

fn runtime(mut builder: Builder) -> Result<Runtime, Failure> {
    let built = builder.enable_all().build();
    built.map_err(|error| Failure::new(exit_codes::FAILED, format!("the async runtime cannot be started: {error}")))
}
