//! A redis.conf: reading it neither fails nor depends on anything but the text; a word that was
//! read is read again from its quoted form; a text that was rewritten says what it is told to say,
//! and rewriting it again changes nothing.

use redstart_engine::conf::{
    Flaw, Line, Origin, Reader, Statement, find, nearest, quoted, rewrite,
};

/// What a text says, without what it includes: an input is not to read files.
fn read(text: &[u8]) -> Vec<Result<Line, Flaw>> {
    let mut read = Vec::new();
    Reader::without_files().text(text, Origin::StandardInput, &mut |line| read.push(line));
    read
}

/// The input is the text.
pub fn run(text: &[u8]) {
    for line in read(text).into_iter().flatten() {
        if find(&line.name).is_none() {
            let _ = nearest(&line.name);
        }
        let mut again = quoted(line.name.as_bytes()).into_bytes();
        for value in &line.values {
            again.push(b' ');
            again.extend_from_slice(quoted(value).as_bytes());
        }
        let repeated = read(&again).pop().expect("a line").expect("well formed");
        assert_eq!(
            (&repeated.name, &repeated.values),
            (&line.name, &line.values)
        );
    }

    let statement = |name, line: Option<&str>, is_default| Statement {
        name,
        line: line.map(str::to_owned),
        is_default,
    };
    let statements = [
        statement("maxmemory", Some("maxmemory 1gb"), false),
        statement("timeout", Some("timeout 0"), true),
        statement("requirepass", None, true),
        statement("bind", Some("bind 127.0.0.1"), false),
        statement("bind", Some("bind ::1"), false),
    ];
    let once = rewrite(text, &statements);
    let twice = rewrite(&once, &statements);
    assert_eq!(once, twice, "{}", once.escape_ascii());

    let lines: Vec<Line> = read(&once).into_iter().flatten().collect();
    let said = |name: &str| -> Vec<Vec<u8>> {
        let named = |line: &&Line| {
            find(&line.name).is_some_and(|directive| directive.present_name() == name)
        };
        lines.iter().filter(named).map(Line::joined).collect()
    };
    assert_eq!(said("maxmemory"), [b"1gb"]);
    assert!(said("requirepass").is_empty());
    assert!(said("timeout").len() < 2);
    assert_eq!(said("bind"), [&b"127.0.0.1"[..], b"::1"]);
}
