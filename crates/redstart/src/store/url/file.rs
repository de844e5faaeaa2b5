//! `file:` URLs: a directory, and how data is kept in it.

use std::fmt;
use std::path::PathBuf;

use super::{BAD_ESCAPE, Parsed, Target, UrlError, UrlPart, options, split_query, unescape, wrong};
use crate::store::options::Options;

/// An engine inside this process that keeps its data in a directory.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileTarget {
    pub(crate) directory: PathBuf,
    pub(crate) fsync: Fsync,
    /// Whether to refuse what a cluster would refuse.
    pub(crate) cluster_strict: bool,
}

/// When what was written to a `file:` store is made safe on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged: `?fsync=always`.
    Always,
    /// Every second: `?fsync=everysec`, and without the option.
    #[default]
    EverySecond,
    /// When the operating system likes: `?fsync=no`.
    No,
}

impl FileTarget {
    /// `file:./data`, `file:/var/lib/app`, `file:///var/lib/app`.
    pub(super) fn parse(rest: &str) -> Result<Parsed, UrlError> {
        let (path, query) = split_query(rest);
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err(wrong(UrlPart::Host, "a directory has none")),
            None => path,
        };
        let directory = unescape(path).ok_or(wrong(UrlPart::Path, BAD_ESCAPE))?;
        if directory.is_empty() || directory.contains('\0') {
            return Err(wrong(UrlPart::Path, "missing, a directory's stands here"));
        }
        let (mut fsync, mut cluster_strict) = (Fsync::default(), false);
        let options = Options::read(options(query), false, |option, value| {
            match (option, value) {
                ("fsync", "always") => fsync = Fsync::Always,
                ("fsync", "everysec") => fsync = Fsync::EverySecond,
                ("fsync", "no") => fsync = Fsync::No,
                ("fsync", _) => {
                    return Err(wrong(
                        UrlPart::Query,
                        "`fsync` can be `always`, `everysec` or `no`",
                    ));
                }
                ("cluster", "strict") => cluster_strict = true,
                ("cluster", _) => {
                    return Err(wrong(UrlPart::Query, "`cluster` can only be `strict`"));
                }
                _ => {
                    return Err(wrong(
                        UrlPart::Query,
                        "the options of `file:` are `fsync`, `cluster`, `namespace` and `deadline`",
                    ));
                }
            }
            Ok(())
        })?;
        let target = FileTarget {
            directory: PathBuf::from(directory),
            fsync,
            cluster_strict,
        };
        Ok((Target::File(target), options))
    }
}

impl fmt::Display for FileTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display().to_string();
        f.write_str("file:")?;
        f.write_str(&directory.replace('%', "%25").replace('?', "%3F"))?;
        let fsync = match self.fsync {
            Fsync::Always => Some("fsync=always"),
            Fsync::EverySecond => None,
            Fsync::No => Some("fsync=no"),
        };
        let strict = self.cluster_strict.then_some("cluster=strict");
        for (option, mark) in fsync.into_iter().chain(strict).zip(["?", "&"]) {
            write!(f, "{mark}{option}")?;
        }
        Ok(())
    }
}
