//! `redstart check`: whether files of data can be read to the end, without starting anything.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::CheckArguments;
use crate::data_files::{self, DataFile, Flaw, Found, Tally};
use crate::import::Progress;
use crate::output::{Style, print_line, report};

/// Reads the files, and says what is in them or where they are damaged.
pub(crate) fn run(arguments: &CheckArguments) -> ExitCode {
    let sets = match data_files::find(&arguments.path) {
        Ok(sets) => sets,
        Err(text) => {
            report(&format!("redstart: {text}"));
            return ExitCode::FAILURE;
        }
    };
    let verdicts: Vec<Verdict> = sets.iter().flatten().map(Verdict::on).collect();
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
    is_log: bool,
    bytes: u64,
    version: Option<u32>,
    tally: Tally,
    /// Why it could not even be opened.
    unreadable: Option<String>,
    flaw: Option<Flaw>,
}

impl Verdict {
    fn on(found: &Found) -> Verdict {
        let mut verdict = Verdict {
            path: found.path.clone(),
            is_log: found.is_log,
            bytes: 0,
            version: None,
            tally: Tally::default(),
            unreadable: None,
            flaw: None,
        };
        match found.open() {
            Err(text) => verdict.unreadable = Some(text),
            Ok((opened, len)) => {
                verdict.bytes = len;
                let read = opened.and_then(|mut file| verdict.read(&mut file));
                verdict.flaw = read.err();
            }
        }
        verdict
    }

    fn read(&mut self, file: &mut DataFile) -> Result<(), Flaw> {
        let mut progress = Progress::new(self.bytes, Style::of_stderr());
        self.version = file.version();
        let read = loop {
            match file.next_piece() {
                // Whether a key has expired is a question for whoever loads it.
                Ok(Some(piece)) => self.tally.count(&piece, 0),
                Ok(None) => break Ok(()),
                Err(flaw) => break Err(flaw),
            }
            progress.at(file.offset(), self.tally.keys());
        };
        progress.finish();
        read
    }

    /// What sort of file it is.
    fn kind(&self) -> String {
        match (self.version, self.is_log) {
            (Some(version), true) => format!("RDB {version}, log"),
            (Some(version), false) => format!("RDB {version}"),
            (None, _) => "log".to_owned(),
        }
    }

    fn is_fine(&self) -> bool {
        self.flaw.is_none() && self.unreadable.is_none()
    }
}

fn print(verdicts: &[Verdict], style: Style) {
    let name = |verdict: &Verdict| verdict.path.display().to_string();
    let width = verdicts.iter().map(|it| name(it).chars().count()).max();
    let width = width.unwrap_or_default();
    let mut all = Tally::default();
    for verdict in verdicts {
        let mark = match verdict.is_fine() {
            true => style.green("ok    "),
            false => style.red("FAILED"),
        };
        let text = match (&verdict.unreadable, &verdict.flaw) {
            (Some(text), _) => text.clone(),
            (None, Some(flaw)) => describe(flaw, &verdict.tally),
            (None, None) => verdict.tally.to_string(),
        };
        all.add(&verdict.tally);
        let (name, bytes) = (name(verdict), verdict.bytes);
        print_line(&format!(
            "{mark}  {name:width$}  {bytes:>12} bytes  {kind:<6}  {text}",
            kind = verdict.kind(),
        ));
    }
    if verdicts.len() > 1 {
        print_line(&format!("in all {all}"));
    }
}

fn describe(flaw: &Flaw, before: &Tally) -> String {
    let Flaw {
        offset,
        text,
        torn_at,
    } = flaw;
    match torn_at {
        None => format!("damaged at byte {offset}: {text}; before it {before}"),
        Some(at) => format!("torn: {text}; a server cuts it back to byte {at}; before it {before}"),
    }
}

fn as_json(verdicts: &[Verdict]) -> Value {
    let file = |verdict: &Verdict| {
        json!({
            "path": verdict.path.display().to_string(),
            "kind": if verdict.is_log { "log" } else { "rdb" },
            "rdb_version": verdict.version,
            "bytes": verdict.bytes,
            "ok": verdict.is_fine(),
            "keys": verdict.tally.types,
            "commands": verdict.tally.commands,
            "unsupported": verdict.tally.unsupported,
            "unreadable": verdict.unreadable,
            "error": verdict.flaw.as_ref().map(|flaw| json!({
                "offset": flaw.offset,
                "torn_at": flaw.torn_at,
                "text": flaw.text,
            })),
        })
    };
    json!({
        "ok": verdicts.iter().all(Verdict::is_fine),
        "files": verdicts.iter().map(file).collect::<Vec<_>>(),
    })
}
