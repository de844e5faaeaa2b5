//! What people read: lines, colours, widths.
//!
//! Colours only on a terminal, and never where NO_COLOR is set. A reader that went away (`| head`)
//! ends the printing, not the program with a panic.

use std::io::{self, IsTerminal, Write};

/// Prints a line to standard output.
pub(crate) fn print_line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints text to standard output as it is and shows it at once.
pub(crate) fn print_raw(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Prints a line to standard error.
pub(crate) fn report(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How to show things on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    coloured: bool,
    live: bool,
}

impl Style {
    /// What standard output can do.
    pub(crate) fn of_stdout() -> Style {
        Style::of(&io::stdout())
    }

    /// What standard error can do.
    pub(crate) fn of_stderr() -> Style {
        Style::of(&io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Style {
        let live =
            stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        // https://no-color.org: set, and not to an empty string.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Style {
            coloured: live && !refused,
            live,
        }
    }

    /// Neither colours nor anything that is drawn twice.
    pub(crate) const PLAIN: Style = Style {
        coloured: false,
        live: false,
    };

    /// Whether a line can be drawn over.
    pub(crate) fn is_live(self) -> bool {
        self.live
    }

    /// Whether colours are shown.
    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self.coloured {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}
