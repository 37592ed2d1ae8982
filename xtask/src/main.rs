//! The program behind `cargo xtask`; the work is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run(std::env::args().skip(1).collect())
}
