//! Persistence: a server is killed in the middle of its work, and what it had acknowledged is there.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redstart::Store;
use tokio::task::JoinSet;

use super::{Finding, Shortfall, Stage, check, figures};

/// Callers that write side by side; their writes share what makes them safe.
const WRITERS: usize = 50;
const WRITES_EACH: usize = 20;

pub(super) async fn run(stage: &Stage) -> Finding {
    if cfg!(not(unix)) {
        return Err(Shortfall::NotHere("it takes a unix socket"));
    }
    let victim = Victim::start()?;
    let socket = format!("redis+unix://{}", victim.socket().display());
    let wire = Store::builder(&socket)
        .connect_within(Duration::from_secs(20))
        .open()
        .await?;

    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let wire = wire.clone();
        writers.spawn(async move {
            for _ in 0..WRITES_EACH {
                wire.command(["INCR", "acknowledged"]).await?;
            }
            Ok::<_, redstart::store::Error>(())
        });
    }
    while let Some(wrote) = writers.join_next().await {
        wrote.map_err(|error| Shortfall::Untrue(error.to_string()))??;
    }
    let victim = victim.kill()?;

    let time = stage.store.time();
    let start = time.monotonic();
    let reopened = Store::open(&victim.url()).await?;
    let took = time.monotonic().saturating_sub(start);
    let there = reopened
        .command(["GET", "acknowledged"])
        .returning::<usize>()
        .await?;
    let written = WRITERS * WRITES_EACH;
    check(there == written, || {
        format!("of {written} acknowledged writes {there} are there")
    })?;
    Ok(format!(
        "{} acknowledged writes, kill -9, reopened in {}: all of them there",
        figures::count(written as u64),
        figures::time(took),
    ))
}

/// A server in a directory of its own, which goes with it.
struct Victim {
    directory: PathBuf,
    server: Child,
}

impl Victim {
    fn start() -> Result<Victim, Shortfall> {
        let name = format!("redstart-tour-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let failed = |error: std::io::Error| Shortfall::Untrue(error.to_string());
        std::fs::create_dir_all(&directory).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let server = Command::new(program)
            .args(["serve", "--port", "0", "--unixsocket", "socket"])
            .args(["--store", "file:./data?fsync=always"])
            .current_dir(&directory)
            .env_remove("REDSTART_PASSWORD")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Victim { directory, server })
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    fn url(&self) -> String {
        format!(
            "file:{}?fsync=always",
            self.directory.join("data").display()
        )
    }

    /// Ends the server without asking it.
    fn kill(mut self) -> Result<Victim, Shortfall> {
        let killed = self.server.kill().and_then(|()| self.server.wait());
        match killed {
            Ok(_) => Ok(self),
            Err(error) => Err(Shortfall::Untrue(error.to_string())),
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
