//! `automa version`: what this program is.

use super::{Outcome, output};
use crate::exit_codes;
use crate::wire::health::VersionInfo;

/// Arguments of `automa version`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(super) fn main(args: &Args) -> Outcome {
    let this = VersionInfo::this();
    if args.json {
        output::say_json(&serde_json::json!({ "name": this.name, "version": this.version, "target": this.target }));
    } else {
        output::say(format!("{} {} ({})", this.name, this.version, this.target));
    }
    Ok(exit_codes::OK)
}
