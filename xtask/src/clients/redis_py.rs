//! redis-py, in a virtual environment of its own, exercised by scripts of ours.

use std::fs;
use std::path::Path;

use super::{arg, ours, redstart_server, theirs};
use crate::run::{Failure, Run};
use crate::tools;

/// What Debian calls the standard library's `venv` and what it needs.
const PACKAGES: [&str; 2] = ["python3-venv", "python3"];

/// Runs the tests on redstart-server and, so that they ask for nothing else than Redis does, on
/// redis-server; then the page, which compares the two.
pub(crate) fn suite(run: &mut Run) -> Result<(), Failure> {
    let server = redstart_server(run)?;
    let environment = theirs(run)?.join("python");
    let python = environment.join("bin/python");
    let python = arg(&python)?;
    prepare(run, &environment, python)?;
    let script = ours().join("redis_py.py");
    for server in [server.as_str(), "redis-server"] {
        run.tests_of(python, &[arg(&script)?, server])?;
    }
    let page = ours().join("redis_py_page.py");
    run.tests_of(python, &[arg(&page)?, &server])
}

/// Installs what requirements.txt asks for, once.
fn prepare(run: &mut Run, environment: &Path, python: &str) -> Result<(), Failure> {
    let requirements = ours().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| Failure(format!("{}: {error}", requirements.display())))?;
    let mark = environment.join("installed.txt");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let create = ["-m", "venv", "--clear", arg(environment)?];
    if run.command("python3", &create).is_err() {
        tools::install(run, &PACKAGES, missing)?;
        run.command("python3", &create)?;
    }
    let requirements = arg(&requirements)?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    run.command(python, &[&install[..], &[requirements]].concat())?;
    fs::write(&mark, wanted).map_err(|error| Failure(format!("{}: {error}", mark.display())))
}

fn missing(name: &str) -> Failure {
    Failure(format!(
        "Python 3 cannot make a virtual environment, and {name} cannot be installed from here. \
         Install it: `apt-get install {}` (Debian, Ubuntu; as root)",
        PACKAGES.join(" ")
    ))
}
