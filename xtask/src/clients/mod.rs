//! Clients of others, run against redstart-server. What is theirs comes from their registries and is
//! laid out under `target/clients`; what is ours stands in `crates/redstart-cli/tests/clients`.

mod isolated;
mod passing;
pub(crate) mod redis_py;
pub(crate) mod redis_rs;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Failure, Run, cargo, root};

/// Our side of the clients' tests.
fn ours() -> PathBuf {
    root().join("crates/redstart-cli/tests/clients")
}

/// Where what is theirs is laid out.
fn theirs(run: &mut Run) -> Result<PathBuf, Failure> {
    let metadata = run.output(&cargo(), &["metadata", "--no-deps", "--format-version=1"])?;
    let metadata = json(&metadata)?;
    let target = metadata["target_directory"].as_str();
    let target = target.ok_or_else(|| Failure("cargo names no target directory".to_owned()))?;
    Ok(Path::new(target).join("clients"))
}

/// Builds redstart-server as the integration tests have it, so that it is not built twice.
fn redstart_server(run: &mut Run) -> Result<String, Failure> {
    let built = run.output(
        &cargo(),
        &[
            "test",
            "--workspace",
            "--all-features",
            "--test=it",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ],
    )?;
    let [server] = executables(&built, "bin", &["redstart-server"])?;
    Ok(server)
}

/// The executables of these names among what cargo says it has built.
fn executables<const N: usize>(
    built: &str,
    kind: &str,
    names: &[&str; N],
) -> Result<[String; N], Failure> {
    let mut found = names.map(|_| String::new());
    for line in built.lines().filter(|line| line.starts_with('{')) {
        let message = json(line)?;
        let target = &message["target"];
        let at = names.iter().position(|name| target["name"] == *name);
        if let (Some(at), Some(path)) = (at, message["executable"].as_str())
            && target["kind"][0] == kind
        {
            found[at] = path.to_owned();
        }
    }
    match found.iter().position(String::is_empty) {
        None => Ok(found),
        Some(at) => Err(Failure(format!("cargo has built no {}", names[at]))),
    }
}

fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure(format!("cargo's answer is no JSON: {error}")))
}

/// A path as an argument.
fn arg(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure(format!("{} is not UTF-8", path.display())))
}
