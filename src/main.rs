//! The command line of ssowatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssowatch::cli::main()
}
