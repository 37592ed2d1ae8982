//! The commands, and the help that lists them.

use std::process::ExitCode;

use crate::args::Args;
use crate::failure::{Failure, Result};
use crate::process::say;
use crate::workspace::Workspace;
use crate::{bench, docs, guest, serve, test, tidy};

/// One command: how it is called, what it is for, what does it.
struct Command {
    name: &'static str,
    summary: &'static str,
    usage: &'static str,
    run: fn(&Workspace, Args) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        summary: "build everything and start the server",
        usage: "cargo xtask run [--demo] [--dev] [-- ARGUMENTS OF `automa serve`]

  --demo   on the first start, make a script, an agent and a job that runs every minute
  --dev    build without optimisation: quicker to build, slower to run
           (optimised is the default)",
        run: serve::main,
    },
    Command {
        name: "test",
        summary: "set up and check everything, as CI does",
        usage: "cargo xtask test [--only STEP]… [--keep-going] [--list]

  --only STEP    run only this step (and the set-up before it); may be repeated
  --keep-going   go on after a step that failed
  --list         list the steps and what each checks

What a step needs and this machine lacks is left out, and said so; with CI=true it is a failure.",
        run: test::main,
    },
    Command {
        name: "tidy",
        summary: "check the house rules that no other tool checks",
        usage: "cargo xtask tidy",
        run: tidy::main,
    },
    Command {
        name: "guest",
        summary: "build the Python that runs inside the WebAssembly sandbox",
        usage: "cargo xtask guest [--force]

  --force   build it although its source has not changed",
        run: guest::main,
    },
    Command {
        name: "bench",
        summary: "measure against named rivals",
        usage: "cargo xtask bench [ARGUMENTS OF automa-benches]",
        run: bench::main,
    },
    Command {
        name: "docs",
        summary: "build the reference (rustdoc) and the book (mdBook)",
        usage: "cargo xtask docs",
        run: docs::main,
    },
    Command {
        name: "ci",
        summary: "the same as `test` with CI=true: what is missing is a failure",
        usage: "cargo xtask ci [--only STEP]… [--keep-going] [--list]",
        run: test::ci,
    },
];

/// Runs the command that `args` (without the program's name) ask for; what fails is said on stderr.
pub fn run(args: Vec<String>) -> ExitCode {
    match dispatch(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure == Failure::said_already() => ExitCode::FAILURE,
        Err(failure) => {
            // Through `io::Write`, because a library may not print; a closed stderr has no one to tell.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {failure}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut args: Vec<String>) -> Result {
    let asks_for_help = |arg: &String| matches!(arg.as_str(), "help" | "--help" | "-h");
    if args.is_empty() || asks_for_help(&args[0]) {
        let about = args.get(1).map(|name| find(name)).transpose()?;
        say(about.map_or_else(overview, |command| format!("{}\n\n{}", command.summary, command.usage)));
        return Ok(());
    }
    let command = find(&args.remove(0))?;
    // Behind `--`, help is asked of the program that the command starts.
    if args.iter().take_while(|arg| *arg != "--").any(asks_for_help) {
        say(format_args!("{}\n\n{}", command.summary, command.usage));
        return Ok(());
    }
    (command.run)(&Workspace::discover()?, Args::new(args))
}

fn find(name: &str) -> Result<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| Failure(format!("there is no command `{name}`; `cargo xtask help` lists them")))
}

fn overview() -> String {
    let lines: Vec<_> = COMMANDS.iter().map(|command| format!("  {:<7}{}", command.name, command.summary)).collect();
    format!(
        "Everything a person or CI does with this repository.\n\ncargo xtask COMMAND\n\n{}\n\n\
         `cargo xtask help COMMAND` tells more. Builds go to CARGO_TARGET_DIR, else to automa/target in the user's\n\
         cache folder, so that every clone shares them.",
        lines.join("\n")
    )
}
