//! The program `automa`.

use std::process::ExitCode;

fn main() -> ExitCode {
    automa_http::cli::main()
}
