use std::io::{self, Write};

use crate::output::Style;

/// How far the reading of a file has come, drawn on standard error while somebody looks.
#[derive(Debug)]
pub(crate) struct Progress {
    total: u64,
    style: Style,
    /// The bytes at which to draw again.
    next: u64,
}

/// How wide the bar is.
const WIDTH: u64 = 30;

impl Progress {
    /// Begins a bar for so many bytes.
    pub(crate) fn new(total: u64, style: Style) -> Progress {
        Progress {
            total,
            style,
            next: 0,
        }
    }

    /// So many bytes were read, and so many keys in all.
    pub(crate) fn at(&mut self, bytes: u64, keys: u64) {
        if !self.style.is_live() || bytes < self.next {
            return;
        }
        // Two hundred steps are smooth, and no file is too small or too large for them.
        self.next = bytes + (self.total / 200).max(64 * 1024);
        let _ = write!(io::stderr().lock(), "\r{}", self.line(bytes, keys));
    }

    /// Leaves the line to others.
    pub(crate) fn finish(&self) {
        if self.style.is_live() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    fn line(&self, bytes: u64, keys: u64) -> String {
        let total = self.total.max(1);
        let bytes = bytes.min(total);
        let done = (WIDTH * bytes / total) as usize;
        let bar = format!("{:█<done$}{:░<left$}", "", "", left = WIDTH as usize - done);
        let percent = 100 * bytes / total;
        let (read, all) = (mebibytes(bytes), mebibytes(total));
        format!(
            "{} {percent:3} %  {read:.1} of {all:.1} MiB, {keys} keys\x1b[K",
            self.style.cyan(&bar)
        )
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_left_to_right() {
        let progress = Progress::new(1 << 20, Style::PLAIN);
        let line = progress.line(1 << 19, 7);
        assert!(
            line.starts_with("███████████████░░░░░░░░░░░░░░░  50 %  0.5 of 1.0 MiB, 7 keys"),
            "{line}"
        );
        assert!(Progress::new(0, Style::PLAIN).line(5, 0).contains("100 %"));
    }
}
