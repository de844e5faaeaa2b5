//! `redstart import`: the data of a Redis or Valkey server, from its files into a store.

mod destination;
mod progress;

use std::path::Path;
use std::process::ExitCode;

use redstart_engine::rdb::{Item, Snapshot};

use self::destination::Destination;
pub(crate) use self::progress::Progress;
use crate::arguments::ImportArguments;
use crate::output::{Style, print_line, report};
use crate::snapshots::{self, Tally};
use crate::{exec, serving};

/// Reads the files and puts everything into the store.
pub(crate) fn run(arguments: &ImportArguments) -> ExitCode {
    let runtime = match serving::runtime() {
        Ok(runtime) => runtime,
        Err(reason) => {
            report(&format!("redstart: {reason}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(import(arguments)) {
        Ok(tally) => {
            print_line(&tally.to_string());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            report(&format!("redstart: {}", failure.text));
            ExitCode::from(failure.status)
        }
    }
}

/// Why nothing more is imported, and the exit status that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    fn unreachable(text: String) -> Failure {
        Failure {
            text,
            status: exec::UNREACHABLE,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure { text, status: 1 }
    }
}

async fn import(arguments: &ImportArguments) -> Result<Tally, Failure> {
    let files = snapshots::find(&arguments.path)?;
    let mut destination = Destination::open(&arguments.into).await?;
    let mut tally = Tally::default();
    for file in &files {
        import_snapshot(file, arguments, &mut destination, &mut tally).await?;
    }
    destination.finish().await?;
    Ok(tally)
}

async fn import_snapshot(
    path: &Path,
    arguments: &ImportArguments,
    destination: &mut Destination,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let in_file = |text: &dyn std::fmt::Display| format!("{}: {text}", path.display());
    let (file, len) = snapshots::open(path)?;
    let mut progress = Progress::new(len, Style::of_stderr());
    let mut snapshot = Snapshot::open(file, snapshots::seed()).map_err(|error| in_file(&error))?;
    while let Some(item) = snapshot.next_item().map_err(|error| in_file(&error))? {
        progress.at(snapshot.offset(), tally.keys());
        tally.count(&item, destination.now_ms());
        match item {
            Item::Key(key) => destination.put(key.db, key.restore()).await?,
            _ => match snapshots::unsupported(&item) {
                Some(what) if !arguments.skip_unsupported => {
                    let hint = "with --skip-unsupported it is left out";
                    return Err(in_file(&format!("{what}; {hint}")).into());
                }
                _ => {}
            },
        }
    }
    progress.finish();
    Ok(())
}
