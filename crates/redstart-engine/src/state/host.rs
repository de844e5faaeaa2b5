//! What the program around an engine says of itself.

use std::path::{Path, PathBuf};

use crate::conf::{Directive, Statement, Support, find, quoted};

/// The settings of the program around an engine, and the configuration file it was started with:
/// CONFIG GET shows them, CONFIG REWRITE keeps them.
///
/// ```
/// use redstart_engine::{Engine, Host, Value};
///
/// let engine = Engine::builder().build();
/// engine.set_host(Host::new().setting("logfile", "/var/log/redstart.log"));
/// let pair = ["logfile", "/var/log/redstart.log"].map(Value::bulk);
/// assert_eq!(
///     engine.connect_embedded().call(&[b"CONFIG", b"GET", b"logfile"]),
///     Value::Map(vec![pair.into()])
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct Host {
    file: Option<PathBuf>,
    settings: Vec<(&'static str, String)>,
    /// Settings that nobody asked for.
    facts: Vec<(&'static str, String)>,
}

impl Host {
    /// A program without settings.
    pub fn new() -> Host {
        Host::default()
    }

    /// The configuration file it was started with. CONFIG REWRITE writes it anew.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Host {
        self.file = Some(path.into());
        self
    }

    /// One of its settings, as CONFIG GET is to show it. What is no directive of redis.conf is
    /// left out.
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Host {
        if let Some(directive) = find(name) {
            self.settings.retain(|(known, _)| *known != directive.name);
            self.settings.push((directive.name, value.into()));
        }
        self
    }

    /// What is so without having been set: CONFIG GET shows it, unless it is set, and CONFIG
    /// REWRITE is silent about it.
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Host {
        if let Some(directive) = find(name) {
            self.facts.push((directive.name, value.into()));
        }
        self
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_set = |name| self.settings.iter().any(|(set, _)| *set == name);
        let facts = self.facts.iter().filter(move |(name, _)| !is_set(*name));
        let all = self.settings.iter().chain(facts);
        all.map(|(name, value)| (*name, &**value))
    }

    pub(crate) fn value(&self, name: &[u8]) -> Option<&str> {
        self.settings()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// What a configuration file should say of a directive the program obeys.
    pub(crate) fn statement(&self, directive: &Directive) -> Option<Statement> {
        let Support::Program { default, is_text } = directive.support else {
            return None;
        };
        let set = self.settings.iter();
        let (name, value) = set.into_iter().find(|(name, _)| *name == directive.name)?;
        let written = match is_text {
            true => quoted(value.as_bytes()),
            false => value.clone(),
        };
        Some(Statement {
            name,
            line: Some(format!("{name} {written}")),
            is_default: *value == default,
        })
    }
}
