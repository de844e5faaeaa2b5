//! The options that say how data is kept.

use redstart_engine::{AppendFsync, SavePoint};

use super::directives::{number, one, yes_or_no};
use super::options::ServerOptions;

type Done = Result<(), String>;

pub(super) fn appendonly(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.appendonly = yes_or_no(values)?;
    Ok(())
}

pub(super) fn appendfsync(options: &mut ServerOptions, values: &[&str]) -> Done {
    let policy = AppendFsync::from_name(one(values)?);
    options.durability.appendfsync = policy.ok_or("the policies are always, everysec and no")?;
    Ok(())
}

pub(super) fn appenddirname(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.appenddirname = file_name(values)?;
    Ok(())
}

pub(super) fn appendfilename(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.appendfilename = file_name(values)?;
    Ok(())
}

pub(super) fn dbfilename(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.dbfilename = file_name(values)?;
    Ok(())
}

pub(super) fn aof_load_truncated(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.aof_load_truncated = yes_or_no(values)?;
    Ok(())
}

pub(super) fn auto_aof_rewrite_percentage(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.auto_aof_rewrite_percentage = number(one(values)?, 0, i32::MAX.into())?;
    Ok(())
}

pub(super) fn auto_aof_rewrite_min_size(options: &mut ServerOptions, values: &[&str]) -> Done {
    let bytes = redstart_engine::conf::bytes(one(values)?.as_bytes());
    options.durability.auto_aof_rewrite_min_size = bytes.ok_or("not a number of bytes")?;
    Ok(())
}

pub(super) fn stop_writes_on_bgsave_error(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.stop_writes_on_bgsave_error = yes_or_no(values)?;
    Ok(())
}

pub(super) fn rdbcompression(options: &mut ServerOptions, values: &[&str]) -> Done {
    options.durability.rdbcompression = yes_or_no(values)?;
    Ok(())
}

/// The first line takes the place of the defaults, the others add to it; an empty one takes back
/// what was said before.
pub(super) fn save(options: &mut ServerOptions, values: &[&str]) -> Done {
    let words: Vec<&str> = match values {
        [""] => Vec::new(),
        values => values.iter().flat_map(|value| value.split(' ')).collect(),
    };
    let point = |pair: &[&str]| match pair {
        [seconds, changes] => Some(SavePoint {
            seconds: seconds.parse().ok().filter(|seconds| *seconds > 0)?,
            changes: changes.parse().ok()?,
        }),
        _ => None,
    };
    let points: Option<Vec<SavePoint>> = words.chunks(2).map(point).collect();
    let points = points.ok_or("takes pairs of seconds and changes")?;
    if points.is_empty() || !options.save_was_set {
        options.durability.save.clear();
    }
    options.save_was_set = true;
    options.durability.save.extend(points);
    Ok(())
}

/// Redis' rule: a name, and no path.
fn file_name(values: &[&str]) -> Result<String, String> {
    match one(values)? {
        "" => Err("may not be empty".into()),
        name if name.contains(['/', '\\']) => Err("can't be a path, just a filename".into()),
        name => Ok(name.to_owned()),
    }
}
