//! What `#[cached]` says when something is wrong: each file under `cached/fail`, and beside it what
//! the compiler has to say.
//!
//! The texts of the compiler itself change from release to release. They are those of rustc 1.95
//! (any patch release), and with another one only that it refuses is checked, here and by eye.
//! `TRYBUILD=overwrite cargo test -p redstart-macros` writes them anew.

/// Whose words the expected texts are.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn what_cannot_be_cached_is_refused_in_plain_words() {
    let cases = trybuild::TestCases::new();
    match rustc().starts_with(RUSTC) {
        true => cases.compile_fail("tests/cached/fail/*.rs"),
        false => {
            // What this crate says itself is the same with every compiler.
            cases.compile_fail("tests/cached/fail/said_*.rs");
            eprintln!(
                "left out: the texts are those of {RUSTC}, and this is {}",
                rustc()
            );
        }
    }
}

fn rustc() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = std::process::Command::new(rustc).arg("--version").output();
    let output = output.expect("cargo found a compiler");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
