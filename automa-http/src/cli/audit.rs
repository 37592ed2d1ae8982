//! `automa audit verify`: whether the audit log is as it was written.

use automa_core::Principal;
use serde_json::json;

use super::{Outcome, folder, output, small_runtime};
use crate::exit_codes;

/// Commands of `automa audit`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read the whole audit log and check that nothing in it was changed, left out or added
    Verify(VerifyArgs),
}

/// Arguments of `automa audit verify`.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    folder: folder::FolderArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(command: &Command) -> Outcome {
    let Command::Verify(args) = command;
    let folder = args.folder.folder()?;
    small_runtime()?.block_on(async {
        let automa = folder::open_existing(&folder).await?;
        let found = automa.acting_as(Principal::owner("automa audit verify")).verify_audit().await?;
        let head = found.head.map(|hash| hash.to_string());
        if args.json {
            let damage = found.damage.as_ref().map(|it| json!({ "at": it.at.0, "what": it.what }));
            output::say_json(&json!({ "events": found.events, "head": head, "damage": damage }));
        } else if found.damage.is_none() {
            let head = head.unwrap_or_else(|| "none".to_owned());
            output::say(format!("the audit log is whole: {} events, the newest has the hash {head}", found.events));
        }
        match found.damage {
            None => Ok(exit_codes::OK),
            Some(damage) => {
                let whole = found.events;
                output::complain(&format!(
                    "the audit log is damaged at event {}: {}; the {whole} events before it are whole",
                    damage.at.0, damage.what
                ));
                Ok(exit_codes::DAMAGED)
            }
        }
    })
}
