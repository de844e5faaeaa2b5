//! The log: for people or as JSON, to a stream or a file. It never holds keys, values or passwords.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::output::Style;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Human,
    /// A JSON object a line.
    Json,
}

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    StandardOutput,
    StandardError,
    File(PathBuf),
}

/// What is logged, how, and where.
#[derive(Clone, Debug)]
pub(crate) struct Logging {
    pub(crate) format: LogFormat,
    pub(crate) level: Level,
    pub(crate) target: LogTarget,
}

/// Starts the log of this process.
pub(crate) fn start(logging: &Logging) -> Result<(), String> {
    let (writer, coloured) = match &logging.target {
        LogTarget::StandardOutput => (BoxMakeWriter::new(io::stdout), Style::of_stdout()),
        LogTarget::StandardError => (BoxMakeWriter::new(io::stderr), Style::of_stderr()),
        LogTarget::File(path) => {
            let file = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            (BoxMakeWriter::new(Mutex::new(file)), Style::PLAIN)
        }
    };
    let log = fmt()
        .with_max_level(logging.level)
        .with_writer(writer)
        .with_ansi(coloured.is_coloured())
        .with_target(false);
    let started = match logging.format {
        LogFormat::Human => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("cannot start the log: {error}"))
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
