//! What must hold of a suite before it is asked: the checks every probe passes, and that identifiers are unique.

use std::collections::HashMap;

use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::{Knob, Probe};

/// Longest identifier, family, axis or tag, in characters.
const NAME_LIMIT: usize = 200;

/// Checks probes that stand on the given lines of a file.
pub(crate) fn validate_at(file: &str, probes: &[Probe], lines: &[u64]) -> Result<(), ProbeError> {
    if probes.is_empty() {
        let fault = Fault::new(
            FaultKind::EmptySuite,
            "at least one probe",
            "none",
            "add a probe, or leave the argument out to use the built-in suite",
        );
        return Err(ProbeError::file(file, fault));
    }
    let mut seen: HashMap<&str, u64> = HashMap::with_capacity(probes.len());
    for (probe, &line) in probes.iter().zip(lines) {
        check(probe).map_err(|fault| ProbeError::line(file, line, fault))?;
        if let Some(first) = seen.insert(&probe.id, line) {
            let fault = Fault::new(
                FaultKind::DuplicateId,
                "an `id` used once",
                format!("{} again (first on line {first})", quote(&probe.id)),
                "give each probe its own id; probes that belong together share `family`, not `id`",
            );
            return Err(ProbeError::line(file, line, fault));
        }
    }
    Ok(())
}

/// The checks on one probe that need no other probe.
pub(crate) fn check(probe: &Probe) -> Result<(), Fault> {
    check_id(&probe.id)?;
    check_name("family", &probe.family)?;
    check_name("axis", &probe.axis)?;
    probe.tags.iter().try_for_each(|tag| check_name("tags", tag))?;
    probe.knob.as_ref().map_or(Ok(()), Knob::check)?;
    probe.ask.kind().check()?;
    probe.boundary.as_ref().map_or(Ok(()), |boundary| boundary.check(probe))
}

fn check_id(id: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let found = match id.chars().find(|&c| !allowed(c)) {
        Some(odd) => format!("{} with {}", quote(id), quote(&odd.to_string())),
        None if id.is_empty() => "an empty id".to_owned(),
        None if id.len() > NAME_LIMIT => format!("{} characters", id.len()),
        None => return Ok(()),
    };
    Err(Fault::new(
        FaultKind::BadId,
        format!("an `id` of 1 to {NAME_LIMIT} letters, digits, `-`, `_`, `.`, `/`, `:`"),
        found,
        "rename the probe; ids become file and anchor names",
    ))
}

/// Whether a character is there that nobody sees: it joins, splits, turns or tags what stands beside it.
pub(crate) fn is_unseen(c: char) -> bool {
    let format =
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    format
        || turns(c)
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        // Joins graphemes, fills up syllables, chooses among variants of a sign.
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
        || (c.is_control() && !c.is_whitespace())
}

/// Whether a character changes in which order, or on which line, what stands beside it is read.
fn turns(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Fault> {
    let length = name.chars().count();
    let found = if name.chars().all(|c| c.is_whitespace() || is_unseen(c)) {
        "an empty one".to_owned()
    } else if length > NAME_LIMIT {
        format!("{length} characters")
    } else if name.chars().any(char::is_control) {
        format!("a control character in {}", quote(name))
    } else if let Some(c) = name.chars().find(|c| turns(*c)) {
        format!("U+{:04X}, which turns what stands beside it, in {}", c as u32, quote(name))
    } else {
        return Ok(());
    };
    Err(Fault::new(
        FaultKind::BadName,
        format!("a `{field}` of 1 to {NAME_LIMIT} visible characters"),
        found,
        "use a short word; it becomes a slice of the report",
    ))
}
