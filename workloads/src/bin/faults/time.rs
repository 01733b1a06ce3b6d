//! Moments of a run on the command line: `12.345s`, `12.345` or `900ms` since it began.

use std::time::Duration;

/// Reads a moment, exactly.
pub(crate) fn read(text: &str) -> Result<Duration, String> {
    let refused = || format!("`{text}` is not a time such as 12.345s or 900ms");
    let trimmed = text.trim();
    if let Some(ms) = trimmed.strip_suffix("ms") {
        return ms.trim().parse().map(Duration::from_millis).map_err(|_| refused());
    }
    let seconds = trimmed.strip_suffix('s').unwrap_or(trimmed).trim_end();
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !is_number(whole) || !is_number(fraction) {
        return Err(refused());
    }
    let whole: u64 = whole.parse().map_err(|_| refused())?;
    let nanos: u32 = format!("{fraction:0<9}").parse().map_err(|_| refused())?;
    Ok(Duration::new(whole, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly_or_refused() {
        let ms = Duration::from_millis;
        for (text, time) in [
            ("12.345s", ms(12_345)),
            ("12.345", ms(12_345)),
            ("7 s", ms(7_000)),
            ("900ms", ms(900)),
            ("0.000000001s", Duration::from_nanos(1)),
        ] {
            assert_eq!(read(text), Ok(time), "{text}");
        }
        for text in ["", "s", ".5", "-1s", "1.0000000001", "1e3", "soon", "99999999999999999999"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
