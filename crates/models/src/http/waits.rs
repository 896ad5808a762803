//! How long a server asks to wait, in all the ways in which servers say it.

use std::time::Duration;

use serde_json::Value;

use super::wire::Came;

/// The time that the headers of a refusal name; `None` where they name none.
pub(super) fn stated(came: &Came, now: f64) -> Option<Duration> {
    let milliseconds = came.header("retry-after-ms").and_then(|text| text.trim().parse().ok());
    let seconds = milliseconds
        .map(|milliseconds: f64| milliseconds / 1000.0)
        .or_else(|| came.header("retry-after").and_then(|text| retry_after(text, now)))
        .or_else(|| exhausted(came, now))
        .or_else(|| retry_delay(came))?;
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(f64::from(u32::MAX))))
}

/// Seconds, or a date as HTTP writes it.
fn retry_after(text: &str, now: f64) -> Option<f64> {
    let text = text.trim();
    text.parse().ok().or_else(|| Some((http_date(text)? - now).max(0.0)))
}

/// What Google says in the body: `error.details[].retryDelay`, as `57.238747106s`.
fn retry_delay(came: &Came) -> Option<f64> {
    let body: Value = serde_json::from_slice(&came.body).ok()?;
    let details = body["error"]["details"].as_array()?;
    details.iter().filter_map(|detail| duration(detail["retryDelay"].as_str()?)).reduce(f64::max)
}

/// The latest reset of those limits of which nothing is left: durations at OpenAI, moments at Anthropic.
fn exhausted(came: &Came, now: f64) -> Option<f64> {
    let used_up = |remaining: String, reset: String| {
        let left: f64 = came.header(&remaining)?.trim().parse().ok()?;
        let reset = came.header(&reset).filter(|_| left <= 0.0)?.trim();
        duration(reset).or_else(|| Some((rfc3339(reset)? - now).max(0.0)))
    };
    let openai = ["requests", "tokens"]
        .map(|of| used_up(format!("x-ratelimit-remaining-{of}"), format!("x-ratelimit-reset-{of}")));
    let anthropic = ["requests", "tokens", "input-tokens", "output-tokens"]
        .map(|of| used_up(format!("anthropic-ratelimit-{of}-remaining"), format!("anthropic-ratelimit-{of}-reset")));
    openai.into_iter().chain(anthropic).flatten().reduce(f64::max)
}

/// `20ms`, `1.5s`, `6m0s`, `1h2m3s`, `2d`: seconds.
fn duration(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let units = [("ms", 0.001), ("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, size) = units.into_iter().find(|(unit, _)| rest[digits..].starts_with(unit))?;
        seconds += number * size;
        rest = &rest[digits + unit.len()..];
    }
    (!text.is_empty()).then_some(seconds)
}

/// `2025-01-31T23:59:59Z`, with a fraction or an offset where there is one: seconds since 1970.
pub(super) fn rfc3339(text: &str) -> Option<f64> {
    if !text.is_ascii() {
        return None;
    }
    let (date, time) = text.split_once(['T', 't'])?;
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(at);
    let mut fields = date.split('-').map(|field| field.parse::<i64>().ok());
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    let mut fields = clock.split(':').map(|field| field.parse::<f64>().ok());
    let (hour, minute, second) = (fields.next()??, fields.next()??, fields.next()??);
    let offset = match zone.as_bytes().first()? {
        b'Z' | b'z' => 0.0,
        sign => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let ahead = hours.parse::<f64>().ok()? * 3600.0 + minutes.parse::<f64>().ok()? * 60.0;
            if *sign == b'-' { -ahead } else { ahead }
        }
    };
    Some(days(year, month, day)? as f64 * 86400.0 + hour * 3600.0 + minute * 60.0 + second - offset)
}

/// `Fri, 31 Jan 2025 23:59:59 GMT`: seconds since 1970.
fn http_date(text: &str) -> Option<f64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let year = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|field| field.parse::<f64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    Some(days(year, month, day)? as f64 * 86400.0 + hour * 3600.0 + minute * 60.0 + second)
}

/// Days since 1 January 1970 of a day of the Gregorian calendar. Source: H. Hinnant, "chrono-compatible low-level date
/// algorithms", `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 31 January 2025, 23:59:59.
    const NOW: f64 = 1_738_367_999.0;

    fn check(headers: &[(&str, &str)], expected: Option<f64>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let came = Came { status: 429, headers, body: Vec::new() };
        let found = stated(&came, NOW).map(|time| time.as_secs_f64());
        let equal = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-6,
            (found, expected) => found == expected,
        };
        assert!(equal, "{:?}: {found:?}, expected {expected:?}", came.headers);
    }

    #[test]
    fn every_way_of_saying_it_is_read() {
        check(&[], None);
        check(&[("retry-after", "7")], Some(7.0));
        check(&[("retry-after", "0.5")], Some(0.5));
        check(&[("retry-after", "Sat, 01 Feb 2025 00:00:09 GMT")], Some(10.0));
        check(&[("retry-after", "Fri, 31 Jan 2025 00:00:00 GMT")], Some(0.0));
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "-3")], None);
        check(&[("retry-after", "7"), ("retry-after-ms", "250")], Some(0.25));
        let openai = |left: &'static str, reset: &'static str| {
            [("x-ratelimit-remaining-tokens", left), ("x-ratelimit-reset-tokens", reset)]
        };
        check(&openai("0", "20ms"), Some(0.02));
        check(&openai("0", "6m0s"), Some(360.0));
        check(&openai("0", "1h2m3.5s"), Some(3723.5));
        check(&openai("0", "2d"), Some(172_800.0));
        check(&openai("0", "6 minutes"), None);
        check(&openai("12", "6m0s"), None);
        let both =
            [openai("0", "20ms"), [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2s")]];
        check(&both.concat(), Some(2.0));
        let anthropic = |reset: &'static str| {
            [("anthropic-ratelimit-output-tokens-remaining", "0"), ("anthropic-ratelimit-output-tokens-reset", reset)]
        };
        check(&anthropic("2025-02-01T00:00:29Z"), Some(30.0));
        check(&anthropic("2025-02-01T01:00:29.5+01:00"), Some(30.5));
        check(&anthropic("2024-02-29T00:00:00Z"), Some(0.0));
        check(&anthropic("2025-13-01T00:00:29Z"), None);
        check(&anthropic("tomorrow"), None);
    }

    #[test]
    fn google_says_it_in_the_body() {
        let check = |delay: &str, expected: Option<Duration>| {
            let details = serde_json::json!([{"@type": "type.googleapis.com/google.rpc.Help"}, {"retryDelay": delay}]);
            let body = serde_json::json!({"error": {"code": 429, "details": details}}).to_string();
            assert_eq!(stated(&Came { status: 429, headers: Vec::new(), body: body.into() }, NOW), expected, "{delay}");
        };
        check("57.25s", Some(Duration::from_millis(57_250)));
        check("0s", Some(Duration::ZERO));
        check("soon", None);
        assert_eq!(stated(&Came { status: 429, headers: Vec::new(), body: b"{}".to_vec() }, NOW), None);
    }
}
