//! Numbers as people read them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How often a second: `870`, `12,300`, `1.2 M`.
pub(super) fn rate(times: u64, took: Duration) -> String {
    let per_second = times as f64 / took.as_secs_f64().max(1e-9);
    match per_second {
        fast if fast >= 1e6 => format!("{:.1} M", fast / 1e6),
        // Three digits are more than such a measurement is worth.
        slower => {
            let unit = 10f64.powf((slower.max(1.0).log10().floor() - 2.0).max(0.0));
            count(((slower / unit).round() * unit) as u64)
        }
    }
}

/// How long: `85 ns`, `3.2 µs`, `14 ms`.
pub(super) fn time(took: Duration) -> String {
    let ns = took.as_secs_f64() * 1e9;
    match ns {
        ns if ns < 999.5 => format!("{ns:.0} ns"),
        ns if ns < 9_950.0 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 999_500.0 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 9_950_000.0 => format!("{:.1} ms", ns / 1e6),
        ns if ns < 999_500_000.0 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

/// How long one of many took.
pub(super) fn each(took: Duration, times: u64) -> Duration {
    Duration::from_secs_f64(took.as_secs_f64() / times.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn rates_have_three_digits() {
        let second = Duration::from_secs(1);
        for (times, text) in [
            (0, "0"),
            (87, "87"),
            (12_345, "12,300"),
            (1_234_567, "1.2 M"),
        ] {
            assert_eq!(rate(times, second), text);
        }
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        for (ns, text) in [
            (85, "85 ns"),
            (999, "999 ns"),
            (3_210, "3.2 µs"),
            (32_100, "32 µs"),
            (1_400_000, "1.4 ms"),
            (14_000_000, "14 ms"),
            (2_500_000_000, "2.5 s"),
        ] {
            assert_eq!(time(Duration::from_nanos(ns)), text);
        }
    }
}
