//! Rows of a benchmark: printed as a table, written as JSON.

use std::fmt::Write as _;
use std::path::Path;

/// One comparison.
pub struct Row {
    pub name: String,
    pub ours: f64,
    pub peer: f64,
    pub peer_name: &'static str,
    pub unit: &'static str,
    pub better: Better,
}

/// Which direction is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

impl Row {
    /// Ours against the peer as "times as good": above 1 we win. Nothing compares with zero.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = match self.better {
            Better::Higher => self.ours / self.peer,
            Better::Lower => self.peer / self.ours,
        };
        ratio.is_finite().then_some(ratio)
    }
}

/// The middle one of some measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints the rows and writes them to `target/bench/<area>.json` beside the workspace.
pub fn publish(area: &str, rows: &[Row]) {
    println!(
        "{:<44} {:>12} {:>12} {:<10} {:<22} {:>6}",
        "", "ours", "peer", "unit", "peer", "ratio"
    );
    for row in rows {
        let ratio = row.ratio().map_or("–".to_owned(), |it| format!("{it:.2}"));
        println!(
            "{:<44} {:>12.1} {:>12.1} {:<10} {:<22} {:>6}",
            row.name, row.ours, row.peer, row.unit, row.peer_name, ratio
        );
    }
    let mut json = String::from("[\n");
    for (at, row) in rows.iter().enumerate() {
        let better = if row.better == Better::Higher {
            "higher"
        } else {
            "lower"
        };
        let ratio = row
            .ratio()
            .map_or("null".to_owned(), |it| format!("{it:.3}"));
        let comma = if at + 1 < rows.len() { "," } else { "" };
        let _ = writeln!(
            json,
            "  {{\"name\": \"{} beside {}\", \"ours\": {:.3}, \"peer\": {:.3}, \"unit\": \"{}\", \
             \"ratio\": {ratio}, \"better\": \"{better}\"}}{comma}",
            row.name, row.peer_name, row.ours, row.peer, row.unit,
        );
    }
    json.push_str("]\n");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    let path = directory.join(format!("{area}.json"));
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, json));
    match written {
        Ok(()) => println!("written to target/bench/{area}.json"),
        Err(error) => eprintln!("could not write {}: {error}", path.display()),
    }
}
