//! What the operating system says of this process, for INFO.
//!
//! Read from /proc, which costs no library and no unsafe code; elsewhere than on Linux the figures
//! are unknown, and INFO leaves them out.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

/// The operating system's name, version and architecture.
pub(crate) fn system() -> &'static str {
    static SYSTEM: LazyLock<String> = LazyLock::new(|| {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let name = match std::env::consts::OS {
            "linux" => "Linux",
            "macos" => "Darwin",
            other => other,
        };
        let words = [name, release.trim(), std::env::consts::ARCH];
        let known: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        known.join(" ")
    });
    &SYSTEM
}

/// Bytes of memory of the whole machine.
pub(crate) fn system_memory() -> Option<u64> {
    static TOTAL: LazyLock<Option<u64>> =
        LazyLock::new(|| kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:"));
    *TOTAL
}

/// Bytes of memory this process occupies.
pub(crate) fn resident_memory() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Processor time this process has used, inside the kernel and outside.
pub(crate) fn processor_time() -> Option<(Duration, Duration)> {
    /// Linux tells /proc's times in this unit whatever the kernel's own is.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields
        .split_whitespace()
        .skip(11)
        .map(|ticks| ticks.parse::<u32>().ok());
    let (user, kernel) = (times.next()??, times.next()??);
    Some((TICK * kernel, TICK * user))
}

fn kilobytes(table: &str, name: &str) -> Option<u64> {
    let row = table.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = row.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_knows_all_of_it() {
        assert!(system().starts_with("Linux "));
        let (total, resident) = (system_memory(), resident_memory());
        assert!(
            resident > Some(100_000) && resident < total,
            "{resident:?} of {total:?}"
        );
        assert!(processor_time().is_some());
    }
}
