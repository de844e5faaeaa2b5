//! `redstart`: Redis patterns in Rust, shown, served and tried out.

use std::process::ExitCode;

fn main() -> ExitCode {
    redstart_cli::redstart()
}
