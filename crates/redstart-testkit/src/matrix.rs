//! One test, on every deployment of every server there is.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::binary::{ServerBinary, ServerError};
use crate::deployment::{Deployment, Topology};

/// What a test is to be run on.
///
/// ```no_run
/// use redstart_testkit::Matrix;
///
/// # fn main() -> Result<(), redstart_testkit::ServerError> {
/// # struct Runtime;
/// # impl Runtime { fn block_on<F: Future>(&self, _: F) {} }
/// # let runtime = Runtime;
/// async fn counts(url: &str) {
///     // Open a client at this URL, use it, assert.
/// }
///
/// Matrix::of_servers()?
///     .url("embedded", "memory:")
///     .run(|target| runtime.block_on(counts(target.url())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    cases: Vec<Case>,
}

#[derive(Clone, Debug)]
enum Case {
    Url { name: String, url: String },
    Start(ServerBinary, Topology),
}

impl Matrix {
    /// Nothing yet.
    pub fn new() -> Matrix {
        Matrix::default()
    }

    /// Standalone, Sentinel and Cluster of every server that [`ServerBinary::installed`] finds.
    pub fn of_servers() -> Result<Matrix, ServerError> {
        Matrix::of(&Topology::ALL)
    }

    /// These deployments of every server that [`ServerBinary::installed`] finds.
    pub fn of(topologies: &[Topology]) -> Result<Matrix, ServerError> {
        let mut matrix = Matrix::new();
        for binary in ServerBinary::installed()? {
            for topology in topologies {
                matrix = matrix.server(binary.clone(), *topology);
            }
        }
        Ok(matrix)
    }

    /// And this deployment of this server.
    pub fn server(mut self, binary: ServerBinary, topology: Topology) -> Matrix {
        self.cases.push(Case::Start(binary, topology));
        self
    }

    /// And whatever is at this URL.
    pub fn url(mut self, name: impl Into<String>, url: impl Into<String>) -> Matrix {
        self.cases.push(Case::Url {
            name: name.into(),
            url: url.into(),
        });
        self
    }

    /// Each in turn, started when it is asked for.
    pub fn targets(self) -> impl Iterator<Item = Result<Target, ServerError>> {
        self.cases.into_iter().map(Case::start)
    }

    /// Runs the test on each, whatever becomes of the others, and panics at the end if it has
    /// panicked on any, or any could not be started.
    #[track_caller]
    #[allow(
        clippy::print_stderr,
        reason = "belongs beside the panic that it explains"
    )]
    pub fn run(self, mut test: impl FnMut(&mut Target)) {
        let mut failed = Vec::new();
        for case in self.cases {
            let name = case.to_string();
            match case.start() {
                Ok(mut target) => {
                    // The target goes with the panic, so that its servers show their logs.
                    let run = AssertUnwindSafe(|| {
                        test(&mut target);
                        drop(target);
                    });
                    if catch_unwind(run).is_err() {
                        eprintln!("… on {name}");
                        failed.push(name);
                    }
                }
                Err(error) => failed.push(format!("{name}, which did not start: {error}")),
            }
        }
        assert!(failed.is_empty(), "failed on {}", failed.join("; "));
    }
}

impl Case {
    fn start(self) -> Result<Target, ServerError> {
        let name = self.to_string();
        Ok(match self {
            Case::Url { url, .. } => Target {
                name,
                url,
                deployment: None,
            },
            Case::Start(binary, topology) => {
                let deployment = topology.start(binary)?;
                Target {
                    name,
                    url: deployment.url(),
                    deployment: Some(deployment),
                }
            }
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Url { name, .. } => out.write_str(name),
            Case::Start(binary, topology) => write!(out, "{} of {binary}", topology.name()),
        }
    }
}

/// What a test runs on.
#[derive(Debug)]
pub struct Target {
    name: String,
    url: String,
    deployment: Option<Deployment>,
}

impl Target {
    /// What it is, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients start.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The servers, unless the URL was the caller's.
    pub fn deployment(&mut self) -> Option<&mut Deployment> {
        self.deployment.as_mut()
    }
}
