//! `automa-benches [sandbox|store|path|idle]…`: measures and prints a table; without a name, everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    automa_benches::report::run(&std::env::args().skip(1).collect::<Vec<_>>())
}
