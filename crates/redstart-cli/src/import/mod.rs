//! `redstart import`: the data of a Redis or Valkey server, from its files into a store.

mod destination;
mod progress;

use std::process::ExitCode;

use redstart_engine::rdb::Item;

use self::destination::Destination;
pub(crate) use self::progress::Progress;
use crate::arguments::ImportArguments;
use crate::data_files::{self, Found, Piece, Tally};
use crate::output::{Style, print_line, report};
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
    let set = the_only(data_files::find(&arguments.path)?)?;
    let mut destination = Destination::open(&arguments.into, arguments.skip_unsupported).await?;
    let mut tally = Tally::default();
    for file in &set {
        import_file(file, arguments, &mut destination, &mut tally).await?;
    }
    destination.finish().await?;
    for _ in 0..destination.refused() {
        tally.left_out("a command the store does not know");
    }
    Ok(tally)
}

/// Of several sets of files one may be years older than another.
fn the_only(mut sets: Vec<Vec<Found>>) -> Result<Vec<Found>, Failure> {
    if let [_] = &sets[..]
        && let Some(set) = sets.pop()
    {
        return Ok(set);
    }
    let names: Vec<String> = sets
        .iter()
        .filter_map(|set| Some(set.first()?.path.display().to_string()))
        .collect();
    let names = names.join(", ");
    Err(format!("there is more than one set of data, name the one to import: {names}").into())
}

async fn import_file(
    found: &Found,
    arguments: &ImportArguments,
    destination: &mut Destination,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let in_file = |text: &dyn std::fmt::Display| format!("{}: {text}", found.path.display());
    let (file, len) = found.open()?;
    let mut file = file.map_err(|flaw| in_file(&flaw))?;
    let mut progress = Progress::new(len, Style::of_stderr());
    destination.begin_file();
    while let Some(piece) = file.next_piece().map_err(|flaw| in_file(&flaw))? {
        progress.at(file.offset(), tally.keys());
        tally.count(&piece, destination.now_ms());
        match piece {
            Piece::Item(Item::Key(key)) => destination.put(key.db, key.restore()).await?,
            Piece::Item(item) => match data_files::unsupported(&item) {
                Some(what) if !arguments.skip_unsupported => {
                    let hint = "with --skip-unsupported it is left out";
                    return Err(in_file(&format!("{what}; {hint}")).into());
                }
                _ => {}
            },
            Piece::Commands(commands) => {
                for args in commands {
                    destination.carry_out(args).await?;
                }
            }
        }
    }
    progress.finish();
    Ok(())
}
