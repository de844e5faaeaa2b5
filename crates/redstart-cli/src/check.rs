//! `redstart check`: whether files of data can be read to the end, without starting anything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use redstart_engine::rdb::{RdbError, Snapshot};
use serde_json::{Value, json};

use crate::arguments::CheckArguments;
use crate::import::Progress;
use crate::output::{Style, print_line, report};
use crate::snapshots::{self, Tally};

/// Reads the files, and says what is in them or where they are damaged.
pub(crate) fn run(arguments: &CheckArguments) -> ExitCode {
    let files = match snapshots::find(&arguments.path) {
        Ok(files) => files,
        Err(text) => {
            report(&format!("redstart: {text}"));
            return ExitCode::FAILURE;
        }
    };
    let verdicts: Vec<Verdict> = files.iter().map(|file| Verdict::on(file)).collect();
    if arguments.json {
        print_line(&as_json(&verdicts).to_string());
    } else {
        print(&verdicts, Style::of_stdout());
    }
    ExitCode::from(u8::from(!verdicts.iter().all(Verdict::is_fine)))
}

/// What was found out about a file.
struct Verdict {
    path: PathBuf,
    bytes: u64,
    version: Option<u32>,
    tally: Tally,
    /// Where reading ended early, if that is known, and why.
    flaw: Option<(Option<u64>, String)>,
}

impl Verdict {
    fn on(path: &Path) -> Verdict {
        let mut verdict = Verdict {
            path: path.to_owned(),
            bytes: 0,
            version: None,
            tally: Tally::default(),
            flaw: None,
        };
        match snapshots::open(path) {
            Err(text) => verdict.flaw = Some((None, text)),
            Ok((file, len)) => {
                verdict.bytes = len;
                if let Err(error) = verdict.read(file) {
                    verdict.flaw = Some((Some(error.offset), error.fault.to_string()));
                }
            }
        }
        verdict
    }

    fn read(&mut self, file: std::fs::File) -> Result<(), RdbError> {
        let mut progress = Progress::new(self.bytes, Style::of_stderr());
        let mut snapshot = Snapshot::open(file, snapshots::seed())?;
        self.version = Some(snapshot.version());
        let read = loop {
            match snapshot.next_item() {
                // Whether a key has expired is a question for whoever loads it.
                Ok(Some(item)) => self.tally.count(&item, 0),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            progress.at(snapshot.offset(), self.tally.keys());
        };
        progress.finish();
        read
    }

    fn is_fine(&self) -> bool {
        self.flaw.is_none()
    }
}

fn print(verdicts: &[Verdict], style: Style) {
    let name = |verdict: &Verdict| verdict.path.display().to_string();
    let width = verdicts.iter().map(|it| name(it).chars().count()).max();
    let width = width.unwrap_or_default();
    let mut all = Tally::default();
    for verdict in verdicts {
        let version = verdict
            .version
            .map_or(String::new(), |it| format!("RDB {it}"));
        let (mark, text) = match &verdict.flaw {
            None => (style.green("ok    "), verdict.tally.to_string()),
            Some((Some(offset), text)) => {
                let read = format!(
                    "damaged at byte {offset}: {text}; before it {}",
                    verdict.tally
                );
                (style.red("FAILED"), read)
            }
            Some((None, text)) => (style.red("FAILED"), text.clone()),
        };
        all.add(&verdict.tally);
        let (name, bytes) = (name(verdict), verdict.bytes);
        print_line(&format!(
            "{mark}  {name:width$}  {bytes:>12} bytes  {version:<6}  {text}"
        ));
    }
    if verdicts.len() > 1 {
        print_line(&format!("in all {all}"));
    }
}

fn as_json(verdicts: &[Verdict]) -> Value {
    let file = |verdict: &Verdict| {
        json!({
            "path": verdict.path.display().to_string(),
            "kind": "rdb",
            "version": verdict.version,
            "bytes": verdict.bytes,
            "ok": verdict.is_fine(),
            "keys": verdict.tally.types,
            "unsupported": verdict.tally.unsupported,
            "error": verdict.flaw.as_ref().map(|(offset, text)| json!({
                "offset": offset,
                "text": text,
            })),
        })
    };
    json!({
        "ok": verdicts.iter().all(Verdict::is_fine),
        "files": verdicts.iter().map(file).collect::<Vec<_>>(),
    })
}
