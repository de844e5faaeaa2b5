//! `redstart-server`: the embedded engine behind a port, started the way redis-server is.

use std::process::ExitCode;

fn main() -> ExitCode {
    redstart_cli::redstart_server()
}
