//! Durations as people write them: `90s`, `5m`, `1h30m`.

/// Longer than anything is cached; beyond it lie typing errors.
const MAX_MS: u64 = 100 * 366 * 24 * 3_600_000;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The milliseconds of it, or what is wrong, for whoever wrote it.
pub(crate) fn parse_ms(text: &str) -> Result<u64, String> {
    let form = || {
        format!("`{text}` is no duration: write \"500ms\", \"90s\", \"5m\", \"1h30m\" or \"7d\"")
    };
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    if rest.is_empty() {
        return Err(form());
    }
    while !rest.is_empty() {
        let digits = rest.len()
            - rest
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len()
            - after
                .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
                .len();
        let (unit, after) = after.split_at(letters);
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        // From large to small, each once: "30s30s" and "30s1h" are slips.
        let (Ok(number), Some((_, ms))) = (number.parse::<u64>(), known) else {
            return Err(form());
        };
        if *ms >= last {
            return Err(form());
        }
        last = *ms;
        total = number
            .checked_mul(*ms)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_MS)
            .ok_or_else(|| format!("`{text}` is more than 100 years"))?;
        rest = after;
    }
    match total {
        0 => Err(format!("`{text}` is no time at all")),
        total => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, ms) in [
            ("1ms", 1),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("0h5m", 300_000),
            ("36600d", MAX_MS),
        ] {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            " ",
            "5",
            "m",
            "5 m",
            "-5m",
            "5.5m",
            "5M",
            "5min",
            "30s30s",
            "30s1h",
            "5m!",
            "٣s",
            "0s",
            "36601d",
            "18446744073709551615d",
            "99999999999999999999s",
        ] {
            assert!(parse_ms(text).is_err(), "{text}");
        }
    }
}
