use super::*;

/// What a text says, and what is wrong with it.
fn read(text: &[u8]) -> (Vec<(String, String, usize)>, Vec<String>) {
    let (mut lines, mut flaws) = (Vec::new(), Vec::new());
    let mut take = |read: Result<Line, Flaw>| match read {
        Ok(line) => {
            let Origin::StandardInput(number) = line.origin else {
                panic!("it came from nowhere else");
            };
            let values = line.values.iter().map(|value| value.escape_ascii());
            let values: Vec<String> = values.map(|value| value.to_string()).collect();
            lines.push((line.name, values.join("|"), number));
        }
        Err(flaw) => flaws.push(flaw.to_string()),
    };
    Reader::without_files().text(text, Origin::StandardInput, &mut take);
    (lines, flaws)
}

fn check(text: &str, expected: &[(&str, &str, usize)]) {
    let (lines, flaws) = read(text.as_bytes());
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, values, number)| ((*name).to_owned(), (*values).to_owned(), *number))
        .collect();
    assert_eq!((lines, flaws), (expected, Vec::new()), "{text:?}");
}

#[test]
fn comments_quotes_and_empty_lines() {
    check("", &[]);
    check("# a\n\n \t\r\n#b", &[]);
    check(
        "port 7\r\n  Save \"\"\n",
        &[("port", "7", 1), ("save", "", 2)],
    );
    check("requirepass 'a b'", &[("requirepass", "a b", 1)]);
    check("\n\nbind a  b\tc", &[("bind", "a|b|c", 3)]);
    check(
        "a \"\\x01\\n\\\"\" '\\'x'",
        &[("a", "\\x01\\n\\\"|\\'x", 1)],
    );
    // A number sign begins a comment at the start of a line only.
    check("timeout 5 # five", &[("timeout", "5|#|five", 1)]);
    check("port", &[("port", "", 1)]);
}

#[test]
fn what_is_malformed_is_said_by_line_and_not_repeated() {
    let (lines, flaws) = read(b"port 7\nrequirepass \"hunter2\nx 'a'b\nnul \0\n");
    assert_eq!(lines.len(), 1);
    let quote = "a quote is not closed, or not followed by a space";
    assert_eq!(
        flaws,
        [
            format!("standard input:2: {quote}"),
            format!("standard input:3: {quote}"),
            "standard input:4: a zero byte".to_owned(),
        ]
    );
}

#[test]
fn size_is_bounded() {
    let (lines, flaws) = read(&vec![b'\n'; BYTES_MAX as usize + 1]);
    assert!(lines.is_empty());
    assert_eq!(flaws, ["a configuration of more than 1 MiB is refused"]);
}

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Directory {
        let path =
            std::env::temp_dir().join(format!("redstart-conf-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text.replace("HERE", path.to_str().unwrap())).unwrap();
        }
        Directory(path)
    }

    /// Names and places of the directives, and flaws, with the directory's name left out.
    fn read(&self, file: &str) -> Vec<String> {
        let here = format!("{}/", self.0.display());
        let mut said = Vec::new();
        let mut take = |read: Result<Line, Flaw>| {
            said.push(match read {
                Ok(line) => line.origin.spell(&line.name).replace(&here, ""),
                Err(flaw) => flaw.to_string().replace(&here, ""),
            });
        };
        Reader::default().file(&self.0.join(file), &mut take);
        said
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_include_files_in_their_place_and_by_pattern() {
    let directory = Directory::new(
        "include",
        &[
            (
                "a.conf",
                "first 1\nINCLUDE HERE/b.conf\nlast 1\ninclude HERE/d*/[!x]?.conf\ninclude HERE/none*\n",
            ),
            ("b.conf", "\nb 1\n"),
            ("d1/02.conf", "two 1\n"),
            ("d1/01.conf", "one 1\n"),
            ("d1/x1.conf", "x 1\n"),
            ("d1/.1.conf", "hidden 1\n"),
            ("d2/03.conf", "three 1"),
        ],
    );
    assert_eq!(
        directory.read("a.conf"),
        [
            "a.conf:1: first",
            "b.conf:2: b",
            "a.conf:3: last",
            "d1/01.conf:1: one",
            "d1/02.conf:1: two",
            "d2/03.conf:1: three",
        ]
    );
    assert_eq!(directory.read("d1/x*.conf"), ["d1/x1.conf:1: x"]);
}

#[test]
fn what_cannot_be_included_is_said() {
    let directory = Directory::new(
        "missing",
        &[(
            "a.conf",
            "include\ninclude a b\ninclude HERE/none.conf\nlast 1\n",
        )],
    );
    assert_eq!(
        directory.read("a.conf"),
        [
            "a.conf:1: include: takes one value",
            "a.conf:2: include: takes one value",
            "a.conf:3: include: cannot read none.conf: No such file or directory (os error 2)",
            "a.conf:4: last",
        ]
    );
}

#[test]
fn a_file_that_includes_itself_comes_to_an_end() {
    let directory = Directory::new("circle", &[("a.conf", "x 1\ninclude HERE/a.conf\n")]);
    let said = directory.read("a.conf");
    assert_eq!(said.len(), DEPTH_MAX + 2);
    let last = said.last().unwrap();
    assert!(
        last.ends_with("files include files more than 16 deep"),
        "{last}"
    );

    // One that includes two of its kind, too.
    let twice = "include HERE/a.conf\n".repeat(2);
    let directory = Directory::new("tree", &[("a.conf", &twice)]);
    let said = directory.read("a.conf");
    assert!(
        said.iter()
            .any(|flaw| flaw.ends_with("too many files are included"))
    );
}
