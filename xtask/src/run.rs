//! Runs suites one after the other, whatever becomes of them, and says what became of each.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::suites::{Suite, When};

/// Why a suite failed.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// How many tests ran.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// One run of some suites.
pub(crate) struct Run {
    when: When,
    /// The environment of the suite that is running, beyond our own.
    environment: Vec<(String, String)>,
    count: Count,
    notes: Vec<String>,
}

impl Run {
    pub(crate) fn new(when: When) -> Run {
        Run {
            when,
            environment: Vec::new(),
            count: Count::default(),
            notes: Vec::new(),
        }
    }

    /// Runs the suites and ends with a line for each, and one for all tests.
    #[allow(clippy::disallowed_methods, reason = "tells how long each suite took")]
    pub(crate) fn all(mut self, suites: &[&Suite]) -> ExitCode {
        let mut lines = Vec::new();
        let mut failed = false;
        for suite in suites {
            println!("\n==> {}: {}", suite.name, suite.about);
            self.environment.clear();
            self.notes.clear();
            let start = Instant::now();
            let result = (suite.run)(&mut self);
            let seconds = start.elapsed().as_secs_f64();
            let word = match &result {
                Ok(()) => "ok",
                Err(_) => "FAILED",
            };
            let mut line = format!("{:<14} {word:<6} {seconds:>7.1} s", suite.name);
            let failure = result.err().map(|failure| failure.to_string());
            for note in failure.iter().chain(&self.notes) {
                line.push_str(&format!("   {note}"));
            }
            if let Some(failure) = failure {
                eprintln!("error: {}: {failure}", suite.name);
                failed = true;
            }
            lines.push(line);
            // Nothing that follows can say anything without the servers.
            if failed && suite.name == "servers" {
                break;
            }
        }
        println!("\n==> {}", self.when.name());
        for line in lines {
            println!("{line}");
        }
        let Count {
            passed,
            failed: broken,
            skipped,
        } = self.count;
        match skipped {
            0 => println!("{passed} passed, {broken} failed"),
            _ => println!("{passed} passed, {broken} failed, {skipped} skipped"),
        }
        match failed || broken > 0 {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }

    /// Whether this is what was asked for.
    pub(crate) fn is(&self, when: When) -> bool {
        self.when == when
    }

    /// Sets a variable for the rest of the suite.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a variable unless the caller has.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        if std::env::var_os(name).is_none() {
            self.set(name, value);
        }
    }

    /// Says in the suite's last line what could not be run here.
    pub(crate) fn left_out(&mut self, why: &str) -> Result<(), Failure> {
        self.notes.push(format!("left out: {why}"));
        Ok(())
    }

    /// Says something in the suite's last line.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// Runs cargo with arguments that stand apart by blanks.
    pub(crate) fn cargo(&mut self, args: &str) -> Result<(), Failure> {
        let args: Vec<&str> = args.split_whitespace().collect();
        self.command(&cargo(), &args)
    }

    /// Runs cargo and counts the tests that it reports.
    pub(crate) fn tests(&mut self, args: &str) -> Result<(), Failure> {
        let args: Vec<&str> = args.split_whitespace().collect();
        self.tests_of(&cargo(), &args)
    }

    /// Runs a program and counts the tests that it reports.
    pub(crate) fn tests_of(&mut self, program: &str, args: &[&str]) -> Result<(), Failure> {
        let before = self.count;
        let result = self.command(program, args);
        let passed = self.count.passed - before.passed;
        let failed = self.count.failed - before.failed;
        self.note(format!("{passed} passed, {failed} failed"));
        // A runner that finds nothing is content; we are not.
        match result.is_ok() && passed + failed == 0 {
            true => Err(Failure("no test was run".to_owned())),
            false => result,
        }
    }

    /// Counts tests that were run without a runner that says so.
    pub(crate) fn count(&mut self, passed: usize, failed: usize) {
        self.count.passed += passed as u64;
        self.count.failed += failed as u64;
        self.note(format!("{passed} passed, {failed} failed"));
    }

    /// Runs a program for what it prints; what it complains about is shown.
    pub(crate) fn output(&mut self, program: &str, args: &[&str]) -> Result<String, Failure> {
        let shown = shown(program, args);
        println!("$ {shown}");
        let output = self
            .prepare(program, args)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Failure(format!("cannot run {program}: {error}")))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(Failure(format!("`{shown}` ended with {}", output.status))),
        }
    }

    /// Runs a program, showing what it prints and counting the tests that it reports.
    pub(crate) fn command(&mut self, program: &str, args: &[&str]) -> Result<(), Failure> {
        let shown = shown(program, args);
        println!("$ {shown}");
        let mut child = self
            .prepare(program, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure(format!("cannot run {program}: {error}")))?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            forward(output, sender.clone());
        }
        if let Some(output) = child.stderr.take() {
            forward(output, sender);
        }
        for line in lines {
            println!("{line}");
            self.count.read(&line);
        }
        let status = child
            .wait()
            .map_err(|error| Failure(format!("cannot wait for {program}: {error}")))?;
        match status.success() {
            true => Ok(()),
            false => Err(Failure(format!("`{shown}` ended with {status}"))),
        }
    }

    fn prepare(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(root())
            .stdin(Stdio::null());
        command
    }
}

fn shown(program: &str, args: &[&str]) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    format!("{name} {}", args.join(" "))
}

impl Count {
    /// Adds what a runner says at the end: libtest, or nextest.
    fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim_start();
        if !line.starts_with("test result:") && !line.starts_with("Summary [") {
            return;
        }
        let words: Vec<&str> = line
            .split([' ', ',', ';', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" => self.failed += number,
                // What nextest skips was filtered out by name; what libtest ignores was not.
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Sends every line of `output` on.
fn forward(output: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line)
                .trim_end_matches(['\n', '\r'])
                .to_owned();
            if lines.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut inside = false;
    for letter in line.chars() {
        match (inside, letter) {
            (false, '\u{1b}') => inside = true,
            (false, _) => plain.push(letter),
            (true, letter) => inside = !letter.is_ascii_alphabetic(),
        }
    }
    plain
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_last_lines_are_counted() {
        let mut count = Count::default();
        for line in [
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 1s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "\u{1b}[1m     Summary\u{1b}[0m [   1.2s] 12 tests run: 10 passed, 2 failed, 5 skipped",
            "99 passed, but this is no last line",
        ] {
            count.read(line);
        }
        assert_eq!((count.passed, count.failed, count.skipped), (21, 4, 1));
    }
}
