//! What a valid suite can still do badly. A warning is a value: code, evidence, next step.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::counted::counted;
use crate::{Ask, Families, MemberRole, Probe, Rung, Suite};

/// Fewer families than this make intervals too wide to decide a gate.
const ENOUGH_FAMILIES: usize = 20;
/// A text shorter than this has too few scored positions to say anything.
const SHORT_TEXT: usize = 32;
/// Identifiers shown as evidence.
const SHOWN: usize = 5;

/// The habit a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LintCode {
    /// Too few families for intervals.
    FewFamilies,
    /// No family has a second member.
    NoClusters,
    /// One family holds most of the probes.
    DominantFamily,
    /// The true answer stands in one place too often.
    UnbalancedTruth,
    /// The true option is the longest, or the shortest, too often.
    LengthGivesAway,
    /// Probes whose words are the same.
    NearDuplicate,
    /// A text with next to nothing to score.
    ShortText,
    /// Every probe has the same axis.
    OneAxis,
    /// Choices or prompts, none of them with a true answer or a check.
    NoTruth,
    /// A member of a boundary whose counterpart is not in its family.
    LoneMember,
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FewFamilies => "few-families",
            Self::NoClusters => "no-clusters",
            Self::DominantFamily => "dominant-family",
            Self::UnbalancedTruth => "unbalanced-truth",
            Self::LengthGivesAway => "length-gives-away",
            Self::NearDuplicate => "near-duplicate",
            Self::ShortText => "short-text",
            Self::OneAxis => "one-axis",
            Self::NoTruth => "no-truth",
            Self::LoneMember => "lone-member",
        })
    }
}

/// One warning about a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintWarning {
    /// What it is about.
    pub code: LintCode,
    /// Probes that show it: place in the suite from 1 (its line, where the file has no blank lines) and id; at most
    /// five.
    pub probes: Vec<(u64, String)>,
    /// What was seen, with numbers.
    pub seen: String,
    /// What to do about it.
    pub next: String,
}

impl fmt::Display for LintWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.code, self.seen, self.next)?;
        for (index, (line, id)) in self.probes.iter().enumerate() {
            write!(f, "{} {line} `{id}`", if index == 0 { " (probe" } else { "," })?;
        }
        if self.probes.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Looks for habits that weaken an audit; an empty list means none was found.
#[must_use]
pub fn lint(suite: &Suite) -> Vec<LintWarning> {
    let all: Vec<Placed<'_>> = suite.probes.iter().enumerate().map(|(i, p)| (i as u64 + 1, p)).collect();
    let mut warnings = Vec::new();
    warnings.extend(families(&all));
    warnings.extend(truths(&all));
    warnings.extend(lengths(&all));
    warnings.extend(duplicates(&all));
    warnings.extend(short_texts(&all));
    warnings.extend(axes(&all));
    warnings.extend(lone_members(&all));
    warnings.sort_by_key(|warning| warning.code);
    warnings
}

type Placed<'a> = (u64, &'a Probe);

fn warning(code: LintCode, probes: &[Placed<'_>], seen: String, next: &str) -> LintWarning {
    let probes = probes.iter().take(SHOWN).map(|(line, probe)| (*line, probe.id.clone())).collect();
    LintWarning { code, probes, seen, next: next.to_owned() }
}

fn families(all: &[Placed<'_>]) -> Vec<LintWarning> {
    let mut members: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for &(line, probe) in all {
        members.entry(&probe.family).or_default().push((line, probe));
    }
    // A text with sections or windows makes its own families.
    let split = |(_, probe): &Placed<'_>| matches!(&probe.ask, Ask::Text(text) if text.families != Families::Probe);
    let mut warnings = Vec::new();
    if all.iter().any(split) {
        return warnings;
    }
    if members.len() < ENOUGH_FAMILIES {
        let seen = format!("{}; intervals need {ENOUGH_FAMILIES} or more", counted(members.len() as u64, "family"));
        let next = "add independent probes; more paraphrases of the same ones do not help";
        warnings.push(warning(LintCode::FewFamilies, &[], seen, next));
    }
    if all.len() >= ENOUGH_FAMILIES && members.len() == all.len() {
        let seen = format!("each of the {} probes is its own family", all.len());
        let next = "if any are paraphrases, pairs or parts of one document, give them one `family`: \
                    otherwise intervals come out too narrow";
        warnings.push(warning(LintCode::NoClusters, &[], seen, next));
    }
    if let Some((name, largest)) = members.iter().max_by_key(|(_, probes)| probes.len())
        && members.len() > 1
        && largest.len() * 2 > all.len()
        && all.len() >= ENOUGH_FAMILIES
    {
        let seen = format!("family `{name}` holds {} of {} probes", largest.len(), all.len());
        let next = "split it if its members are independent, or add other families";
        warnings.push(warning(LintCode::DominantFamily, largest, seen, next));
    }
    warnings
}

/// Choices with a true answer: place, probe, options, index of the truth.
fn with_truth<'a>(all: &[Placed<'a>]) -> Vec<(Placed<'a>, &'a [String], usize)> {
    let truth = |&(line, probe): &Placed<'a>| {
        let Ask::Choice(choice) = &probe.ask else { return None };
        Some(((line, probe), choice.options.as_slice(), choice.truth? as usize))
    };
    all.iter().filter_map(truth).collect()
}

fn truths(all: &[Placed<'_>]) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    let known = with_truth(all);
    let choices = all.iter().filter(|(_, probe)| matches!(probe.ask, Ask::Choice(_))).count();
    if choices > 0 && known.is_empty() {
        let seen = format!("no `truth` in {}", counted(choices as u64, "choice"));
        let next = "accuracy, calibration and lost answers stay unmeasured; add `truth` where there is one";
        warnings.push(warning(LintCode::NoTruth, &[], seen, next));
    }
    let check = |(_, probe): &Placed<'_>| match &probe.ask {
        Ask::Prompt(prompt) => Some(prompt.check.is_some()),
        _ => None,
    };
    let checks: Vec<bool> = all.iter().filter_map(check).collect();
    if !checks.is_empty() && !checks.contains(&true) {
        let seen = format!("no `check` in {}", counted(checks.len() as u64, "prompt"));
        let next = "what was lost and gained stays unmeasured; add `check` where an answer can be right or wrong";
        warnings.push(warning(LintCode::NoTruth, &[], seen, next));
    }
    let mut by_count: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for entry in known {
        by_count.entry(entry.1.len()).or_default().push(entry);
    }
    for (count, entries) in by_count {
        let mut places: BTreeMap<usize, Vec<Placed<'_>>> = BTreeMap::new();
        for &(placed, _, truth) in &entries {
            places.entry(truth).or_default().push(placed);
        }
        let (n, chance) = (entries.len() as f64, 1.0 / count as f64);
        // Three standard deviations of a fair draw: a suite that is balanced by chance stays quiet.
        let allowed = n * chance + 3.0 * (n * chance * (1.0 - chance)).sqrt();
        if let Some((place, probes)) = places.iter().find(|(_, probes)| probes.len() as f64 > allowed) {
            let choices = counted(entries.len() as u64, "choice");
            let seen = format!("option {place} is true in {} of {choices} with {count} options", probes.len());
            let next = "vary the place of the true option; rotation hides it from the average, not from a few probes";
            warnings.push(warning(LintCode::UnbalancedTruth, probes, seen, next));
        }
    }
    warnings
}

fn lengths(all: &[Placed<'_>]) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    let (mut longest, mut shortest, mut expected, mut n) = (Vec::new(), Vec::new(), 0.0, 0usize);
    for (placed, options, truth) in with_truth(all) {
        let length = |option: &String| option.chars().count();
        let own = length(&options[truth]);
        let others = || options.iter().enumerate().filter(|(index, _)| *index != truth).map(|(_, o)| length(o));
        // Where all options have one length there is nothing to give away.
        if others().all(|other| other == own) {
            continue;
        }
        n += 1;
        expected += 1.0 / options.len() as f64;
        if others().all(|other| other < own) {
            longest.push(placed);
        }
        if others().all(|other| other > own) {
            shortest.push(placed);
        }
    }
    for (word, probes) in [("longest", longest), ("shortest", shortest)] {
        let share = expected / n.max(1) as f64;
        let allowed = expected + 3.0 * (n as f64 * share * (1.0 - share)).sqrt();
        if n >= ENOUGH_FAMILIES && probes.len() as f64 > allowed {
            let seen = format!("the true option is the {word} in {} of {n} choices", probes.len());
            let next = "lengthen or shorten the other options until length says nothing";
            warnings.push(warning(LintCode::LengthGivesAway, &probes, seen, next));
        }
    }
    warnings
}

fn duplicates(all: &[Placed<'_>]) -> Option<LintWarning> {
    let mut first: HashMap<blake3::Hash, Placed<'_>> = HashMap::new();
    let mut repeated = Vec::new();
    let mut count = 0;
    for &(line, probe) in all {
        if let Some(&earlier) = first.get(&words(probe)) {
            count += 1;
            repeated.extend([earlier, (line, probe)]);
        } else {
            first.insert(words(probe), (line, probe));
        }
    }
    let has = if count == 1 { "has" } else { "have" };
    let seen = format!("{} {has} the words of an earlier one", counted(count, "probe"));
    let next = "remove them: a repeated question counts twice and says nothing new";
    (count > 0).then(|| warning(LintCode::NearDuplicate, &repeated, seen, next))
}

/// Hash of a probe's words: case, punctuation and spacing do not count, the order of options neither.
fn words(probe: &Probe) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            hasher.update(word.to_lowercase().as_bytes());
            hasher.update(b" ");
        }
        hasher.update(b"\n");
    };
    probe.ask.kind().texts().into_iter().for_each(&mut add);
    if let Ask::Episode(episode) = &probe.ask {
        // The same words in another world, or with another fault, are another question.
        let rest = serde_json::to_vec(&(&episode.world, &episode.faults)).unwrap_or_default();
        hasher.update(&rest);
    }
    hasher.finalize()
}

fn short_texts(all: &[Placed<'_>]) -> Option<LintWarning> {
    let short = |(_, probe): &&Placed<'_>| matches!(&probe.ask, Ask::Text(text) if text.text.len() < SHORT_TEXT);
    let found: Vec<Placed<'_>> = all.iter().filter(short).copied().collect();
    let seen = format!("fewer than {SHORT_TEXT} bytes in {}", counted(found.len() as u64, "text"));
    let next = "lengthen them, or move what is not to be scored into `context`";
    (!found.is_empty()).then(|| warning(LintCode::ShortText, &found, seen, next))
}

fn axes(all: &[Placed<'_>]) -> Option<LintWarning> {
    let (_, first) = all.first()?;
    let one = all.len() >= ENOUGH_FAMILIES && all.iter().all(|(_, probe)| probe.axis == first.axis);
    let seen = format!("all {} probes have the axis `{}`", all.len(), first.axis);
    let next = "the worst axis cannot be named with one only; set `axis`, or add probes of another";
    one.then(|| warning(LintCode::OneAxis, &[], seen, next))
}

/// Members that say something only beside another one of their family, which is not there.
fn lone_members(all: &[Placed<'_>]) -> Option<LintWarning> {
    let mut roles: BTreeMap<&str, Vec<&MemberRole>> = BTreeMap::new();
    for (_, probe) in all {
        roles.entry(&probe.family).or_default().extend(probe.boundary.as_ref().map(|boundary| &boundary.role));
    }
    let alone = |(_, probe): &&Placed<'_>| {
        let Some(boundary) = &probe.boundary else { return false };
        let has = |wanted: &MemberRole| roles[probe.family.as_str()].contains(&wanted);
        match &boundary.role {
            MemberRole::Flipped | MemberRole::Paraphrase => !has(&MemberRole::Original),
            MemberRole::Attack => !has(&MemberRole::Twin),
            MemberRole::Control => !has(&MemberRole::Attack),
            MemberRole::Rung(rung) => {
                let rung_at = |number| MemberRole::Rung(Rung { number, ..rung.clone() });
                !(1..=rung.of).all(|number| has(&rung_at(number)))
            }
            MemberRole::Original | MemberRole::Twin => false,
        }
    };
    let found: Vec<Placed<'_>> = all.iter().filter(alone).copied().collect();
    let seen = format!("{} of a boundary without the counterpart", counted(found.len() as u64, "member"));
    let next = "give both one `family`: flipped and paraphrase stand beside an original, an attack beside its twin, a \
                control beside its attack, a rung beside all the others";
    (!found.is_empty()).then(|| warning(LintCode::LoneMember, &found, seen, next))
}
