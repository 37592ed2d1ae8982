//! `automa user add`: makes an account without the server.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use automa_core::Principal;
use automa_core::automa::NewUser;
use automa_core::error::Invalid;
use automa_core::password::Password;
use automa_core::store::PageRequest;
use automa_core::user::Role;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{Failure, Outcome, folder, output, small_runtime};
use crate::exit_codes;

/// Commands of `automa user`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make an account
    Add(AddArgs),
}

/// Arguments of `automa user add`.
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// What they sign in with
    name: String,
    /// viewer, operator, developer or admin [default: admin for the first account, else viewer]
    #[arg(long)]
    role: Option<String>,
    /// Where to write to them
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A file with the password, instead of asking for it (or reading it from standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    folder: folder::FolderArgs,
}

pub(super) fn main(command: &Command) -> Outcome {
    let Command::Add(args) = command;
    let username = args.name.parse()?;
    let role: Option<Role> = args.role.as_deref().map(str::parse).transpose()?;
    let email = args.email.as_deref().map(str::parse).transpose()?;
    let folder = args.folder.folder()?;
    let password = Password::new(password(args.password_file.as_deref())?)?;
    small_runtime()?.block_on(async {
        let automa = folder::open(&folder).await?;
        let new = NewUser { username, email, password };
        let owner = automa.acting_as(Principal::owner("automa user add"));
        let first = owner.users(&PageRequest::first(1)).await?.items.is_empty();
        let default = if first { Role::Admin } else { Role::Viewer };
        let user = owner.create_user(new, role.unwrap_or(default)).await?;
        output::say(format!("made {} ({}), id {}", user.username, user.role, user.id));
        if first && role.is_none() {
            output::say("the first account is an admin's, who can manage the others; later ones are viewers unless --role is given");
        }
        Ok(exit_codes::OK)
    })
}

fn password(file: Option<&Path>) -> Result<String, Failure> {
    let failed = |text: String| Failure::from(Invalid::new("password", text));
    let text = match file {
        Some(path) => {
            fs::read_to_string(path).map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))
        }
        None if io::stdin().is_terminal() => ask().map_err(|error| failed(format!("cannot be asked for: {error}"))),
        None => line().map_err(|error| failed(format!("cannot be read from standard input: {error}"))),
    }?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn line() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text)?;
    Ok(text)
}

/// Asks twice, without showing what is typed.
fn ask() -> io::Result<String> {
    let _hidden = Hidden::new()?;
    let prompt = |text: &str| -> io::Result<String> {
        let mut terminal = io::stderr().lock();
        write!(terminal, "{text}")?;
        terminal.flush()?;
        drop(terminal);
        let typed = line()?;
        writeln!(io::stderr().lock())?;
        Ok(typed)
    };
    let first = prompt("Password: ")?;
    if prompt("The same again: ")? == first { Ok(first) } else { Err(io::Error::other("the two are not the same")) }
}

/// Keeps a terminal from showing what is typed, until it is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that does not take its own settings back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
