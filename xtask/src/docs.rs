//! `cargo xtask docs`: the reference by rustdoc and the book by mdBook.

use crate::args::Args;
use crate::failure::Result;
use crate::process::{Run, say};
use crate::tools;
use crate::workspace::Workspace;
use crate::{guest, setup};

/// `cargo xtask docs`.
pub(crate) fn main(ws: &Workspace, args: Args) -> Result {
    args.finish()?;
    setup::ensure(ws)?;
    guest::ensure(ws)?;
    reference(ws)?;
    let mdbook = tools::MDBOOK.ensure(ws)?;
    let book = ws.target.join("book");
    ws.command(mdbook).args(["build", "docs", "--dest-dir"]).arg(&book).run()?;
    say(format_args!("the reference is {}", ws.target.join("doc/automa_core/index.html").display()));
    say(format_args!("the book is {}", book.join("index.html").display()));
    Ok(())
}

/// Every crate's rustdoc; a warning is a failure.
pub(crate) fn reference(ws: &Workspace) -> Result {
    ws.cargo(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings").run()
}
