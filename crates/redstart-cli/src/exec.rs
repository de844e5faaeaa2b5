//! `redstart exec`: one command on a store.

use std::io::IsTerminal;
use std::process::ExitCode;

use redstart::store::Error;
use redstart::{Store, Value};

use crate::arguments::ExecArguments;
use crate::output::{Style, print_line, print_raw, report};
use crate::{reply, serving};

/// The store cannot be reached.
pub(crate) const UNREACHABLE: u8 = 3;

/// Runs the command and prints its reply.
pub(crate) fn run(arguments: &ExecArguments) -> ExitCode {
    let runtime = match serving::runtime() {
        Ok(runtime) => runtime,
        Err(reason) => {
            report(&format!("redstart: {reason}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(arguments)) {
        Ok(reply) => {
            print(&reply, arguments);
            ExitCode::from(u8::from(reply.is_error()))
        }
        Err(error) => {
            report(&format!("redstart: {error}"));
            ExitCode::from(if error.is_unavailable() {
                UNREACHABLE
            } else {
                1
            })
        }
    }
}

async fn execute(arguments: &ExecArguments) -> Result<Value, Error> {
    let store = Store::open(&arguments.url).await?;
    let words = arguments.command.iter().map(|word| word.as_encoded_bytes());
    match store.command(words).await {
        // What a server refuses is its reply, and is shown as one.
        Err(Error::Server { code, text, .. }) => Ok(Value::error(format!("{code} {text}"))),
        reply => reply,
    }
}

fn print(value: &Value, arguments: &ExecArguments) {
    if arguments.json {
        print_line(&reply::to_json(value).to_string());
    } else if arguments.raw || !std::io::stdout().is_terminal() {
        print_raw(&reply::to_raw(value));
    } else {
        print_raw(reply::to_text(value, Style::of_stdout()).as_bytes());
    }
}
