//! Why a program ends without having done what it was told.

use redstart_engine::conf::Flaw;

use crate::output::report;

/// Reasons, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Vec<String>);

impl Failure {
    /// Tells them on standard error.
    pub(crate) fn report(&self, program: &str) {
        for reason in &self.0 {
            report(&format!("{program}: {reason}"));
        }
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Failure {
        Failure(vec![reason])
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Failure {
        Failure(vec![reason.to_owned()])
    }
}

impl From<Vec<Flaw>> for Failure {
    fn from(flaws: Vec<Flaw>) -> Failure {
        Failure(flaws.iter().map(ToString::to_string).collect())
    }
}
