//! What servers log, as it comes, each line marked with the server's port.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use redstart_testkit::{Address, Deployment, Server};

use crate::output::{Style, report};

/// Log lines longer than this are shown in parts.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The logs of a deployment.
pub(super) struct Logs(Vec<Log>);

struct Log {
    label: String,
    path: PathBuf,
    /// How far it has been read.
    position: u64,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    has_ended: bool,
}

impl Logs {
    /// The logs from now on.
    pub(super) fn of(deployment: &Deployment) -> Logs {
        let servers = deployment.servers();
        Logs(servers.into_iter().map(Log::of).collect())
    }

    /// Shows what is new on standard error, unless `quiet`, and who has ended.
    pub(super) fn follow(&mut self, deployment: &mut Deployment, quiet: bool) {
        let style = Style::of_stderr();
        for (log, server) in self.0.iter_mut().zip(deployment.servers_mut()) {
            for line in log.read() {
                if !quiet {
                    report(&format!("{} {line}", style.faint(&log.label)));
                }
            }
            if !log.has_ended && !server.is_running() {
                log.has_ended = true;
                let text = style.yellow("has ended; the others go on");
                report(&format!("{} {text}", style.faint(&log.label)));
            }
        }
    }
}

impl Log {
    fn of(server: &Server) -> Log {
        let path = server.log_path();
        let position = path.metadata().map_or(0, |file| file.len());
        let port = match server.address() {
            Address::Tcp(address) => address.port().to_string(),
            Address::Unix(path) => path.display().to_string(),
        };
        Log {
            label: format!("{port} |"),
            path,
            position,
            rest: Vec::new(),
            has_ended: false,
        }
    }

    /// The lines that are new. A log that cannot be read has none: that ends nothing.
    fn read(&mut self) -> Vec<String> {
        let mut chunk = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.position))?;
            file.take(LINE_BYTES_MAX as u64).read_to_end(&mut chunk)
        });
        self.position += read.unwrap_or_default() as u64;
        self.rest.append(&mut chunk);
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        if self.rest.len() >= LINE_BYTES_MAX {
            let part = std::mem::take(&mut self.rest);
            lines.push(String::from_utf8_lossy(&part).into_owned());
        }
        lines
    }
}
