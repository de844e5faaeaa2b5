//! Engines that keep their data: opening them, telling how loading goes on, closing them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use redstart_engine::{
    Durability, Engine, EngineBuilder, Host, OpenError, Opening, Progress, ProgressListener,
};

use crate::failure::Failure;
use crate::output::Style;
use crate::redis_server::{self, ServerOptions};

/// An engine that was configured and may have to load its data.
#[derive(Debug)]
pub(crate) enum Prepared {
    Ready(Engine),
    Loading(Opening),
}

impl Prepared {
    /// The engine that the options describe.
    pub(crate) fn of(options: &ServerOptions) -> Result<Prepared, Failure> {
        let prepared = match options.keeps_data {
            false => Prepared::Ready(builder(options).build()),
            true => open(options)?,
        };
        let engine = prepared.engine();
        engine.set_host(host(options)?);
        redis_server::configure(engine, &options.live)?;
        Ok(prepared)
    }

    pub(crate) fn engine(&self) -> &Engine {
        match self {
            Prepared::Ready(engine) => engine,
            Prepared::Loading(opening) => opening.engine(),
        }
    }

    /// Loads the data, if there is any.
    pub(crate) fn load(self) -> Result<(), Failure> {
        match self {
            Prepared::Ready(_) => Ok(()),
            Prepared::Loading(opening) => match opening.load() {
                Ok(_) => Ok(()),
                Err(error) => {
                    clear_bar();
                    Err(error.to_string().into())
                }
            },
        }
    }
}

/// What CONFIG GET shows of the program.
fn host(options: &ServerOptions) -> Result<Host, Failure> {
    let kept = &options.durability;
    let directory = match options.keeps_data {
        true => data_directory(options)?,
        false => std::env::current_dir().unwrap_or_default(),
    };
    let host = options.host.clone();
    Ok(host
        .fact("dir", directory.display().to_string())
        .fact("dbfilename", kept.dbfilename.clone())
        .fact("appenddirname", kept.appenddirname.clone())
        .fact("appendfilename", kept.appendfilename.clone())
        .fact("logfile", "")
        .fact("daemonize", "no"))
}

fn builder(options: &ServerOptions) -> EngineBuilder {
    Engine::builder()
        .cluster_strict(options.cluster_strict)
        .databases(options.databases)
        .debug_commands(options.debug_command)
}

fn open(options: &ServerOptions) -> Result<Prepared, Failure> {
    let durability = durability(options)?;
    let keeps_nothing = durability.save.is_empty() && !durability.appendonly;
    match builder(options).begin(durability) {
        Ok(opening) => Ok(Prepared::Loading(opening)),
        // As with redis-server, several may share a directory if none of them writes there.
        Err(OpenError::Locked { directory }) if keeps_nothing => {
            let directory = directory.display();
            tracing::warn!(%directory, "in use by another process: keys are kept in memory only");
            Ok(Prepared::Ready(builder(options).build()))
        }
        Err(error) => Err(error.to_string().into()),
    }
}

fn durability(options: &ServerOptions) -> Result<Durability, Failure> {
    let mut durability = options.durability.clone();
    durability.directory = data_directory(options)?;
    make_private(&durability.directory)?;
    durability.on_progress = tell_progress();
    Ok(durability)
}

/// Where data is kept.
pub(crate) fn data_directory(options: &ServerOptions) -> Result<PathBuf, String> {
    let directory = options.directory.as_deref();
    let directory = directory.unwrap_or(&options.durability.directory);
    let failed = |error| format!("no directory for data: {error}");
    // Without the dots that `./data` would leave in it.
    let here = std::env::current_dir().map_err(failed)?;
    Ok(here.join(directory).components().collect())
}

/// Makes a directory that nobody else can read, unless it is there.
fn make_private(directory: &Path) -> Result<(), String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| format!("cannot make the directory {}: {error}", directory.display()))
}

/// Makes everything safe that was done.
pub(crate) fn close(engine: &Engine) -> Result<(), Failure> {
    match engine.settle() {
        true => Ok(()),
        false => Err("not everything could be made safe on disk, see the log".into()),
    }
}

/// A bar on a terminal, some lines in the log elsewhere.
fn tell_progress() -> ProgressListener {
    let style = Style::of_stderr();
    let told = Mutex::new(Told::default());
    ProgressListener::new(move |progress| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        match style.is_live() {
            true => told.draw(progress, style),
            false => told.log(progress),
        }
    })
}

/// Leaves the line to whoever comes next.
fn clear_bar() {
    if Style::of_stderr().is_live() {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(CLEARED.as_bytes());
    }
}

/// A line that was drawn, taken away.
const CLEARED: &str = "\r\x1b[K";

/// What was told last.
#[derive(Debug, Default)]
struct Told {
    file: PathBuf,
    step: u64,
}

impl Told {
    fn draw(&mut self, progress: &Progress, style: Style) {
        const WIDTH: usize = 24;
        let percent = percent(progress);
        if !self.is_new(progress, percent) {
            return;
        }
        let name = progress.file.file_name().unwrap_or_default().display();
        let full = WIDTH * percent as usize / 100;
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH - full));
        let line = match percent {
            100 => CLEARED.to_owned(),
            _ => format!(
                "\r\x1b[K  loading {name}  {}  {percent} %",
                style.cyan(&bar)
            ),
        };
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    fn log(&mut self, progress: &Progress) {
        /// Smaller files are loaded before anybody asks.
        const WORTH_TELLING: u64 = 8 << 20;
        let percent = percent(progress);
        if progress.total_bytes >= WORTH_TELLING && self.is_new(progress, percent / 10) {
            let file = progress.file.display();
            tracing::info!(%file, percent, loaded = progress.loaded, "loading");
        }
    }

    fn is_new(&mut self, progress: &Progress, step: u64) -> bool {
        let is_new = self.file != progress.file || self.step != step;
        self.file.clone_from(&progress.file);
        self.step = step;
        is_new
    }
}

fn percent(progress: &Progress) -> u64 {
    match progress.total_bytes {
        0 => 100,
        total => (progress.read_bytes.saturating_mul(100) / total).min(100),
    }
}
