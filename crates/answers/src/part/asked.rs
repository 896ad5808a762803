//! The suite of a run as its rows are held against it.

use std::collections::{BTreeSet, HashMap};

use hydrometer_probes::families::{WindowFamilies, sections};
use hydrometer_probes::kind::Choice;
use hydrometer_probes::{Ask, Families, Probe};

/// The probes of a run, found by their ids.
#[derive(Debug)]
pub(crate) struct AskedSuite {
    probes: Vec<Probe>,
    places: HashMap<String, usize>,
}

impl AskedSuite {
    /// The probes in their order.
    pub fn new(probes: Vec<Probe>) -> AskedSuite {
        let places = probes.iter().enumerate().map(|(place, probe)| (probe.id.clone(), place)).collect();
        AskedSuite { probes, places }
    }

    /// The probes in their order.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The probe of that id.
    pub fn probe(&self, id: &str) -> Option<AskedProbe<'_>> {
        self.places.get(id).map(|&place| AskedProbe::new(&self.probes[place]))
    }
}

/// A probe, and what its rows are held against.
#[derive(Debug)]
pub struct AskedProbe<'a> {
    probe: &'a Probe,
    /// The families of a text's windows; `None` for another kind of question.
    windows: Option<Windows>,
}

#[derive(Debug)]
struct Windows {
    families: WindowFamilies,
    /// Every family that a window can have where a heading names it.
    headings: Option<BTreeSet<String>>,
}

impl<'a> AskedProbe<'a> {
    pub(crate) fn new(probe: &'a Probe) -> AskedProbe<'a> {
        let windows = match &probe.ask {
            Ask::Text(text) => {
                let families = WindowFamilies::new(&probe.family, text);
                let headings = (text.families == Families::Heading).then(|| {
                    let starts = sections(&text.text).into_iter().map(|section| section.start);
                    [0].into_iter().chain(starts).map(|start| families.of(0, start)).collect()
                });
                Some(Windows { families, headings })
            }
            _ => None,
        };
        AskedProbe { probe, windows }
    }

    /// The probe.
    pub fn probe(&self) -> &'a Probe {
        self.probe
    }

    /// What is wrong with a row about a window of a text, as a lower-case fragment.
    pub fn not_a_window(&self, family: &str, window: u32) -> Option<String> {
        let Some(Windows { families, headings }) = &self.windows else { return Some(self.not_a("text")) };
        match headings {
            Some(headings) if headings.contains(family) => None,
            Some(_) => Some(self.wrong_family(family, "that of one of its headings")),
            None => {
                let expected = families.of(window, 0);
                (family != expected).then(|| self.wrong_family(family, &format!("{expected:?}")))
            }
        }
    }

    /// The choice that it is.
    ///
    /// # Errors
    /// It is none, as a lower-case fragment.
    pub fn choice(&self) -> Result<&'a Choice, String> {
        match &self.probe.ask {
            Ask::Choice(choice) => Ok(choice),
            _ => Err(self.not_a("choice")),
        }
    }

    /// What is wrong with a row about a probe that is not a prompt, as a lower-case fragment.
    pub fn not_a_prompt(&self) -> Option<String> {
        (!matches!(self.probe.ask, Ask::Prompt(_))).then(|| self.not_a("prompt"))
    }

    /// What is wrong with the family of a row about a whole probe, as a lower-case fragment.
    pub fn not_its_family(&self, family: &str) -> Option<String> {
        let expected = &self.probe.family;
        (family != expected).then(|| self.wrong_family(family, &format!("{expected:?}")))
    }

    fn wrong_family(&self, found: &str, expected: &str) -> String {
        format!("family of probe {:?} is {found:?}, expected {expected}", self.probe.id)
    }

    /// What is wrong with a row about a probe of another kind than this one, as a lower-case fragment.
    pub fn not_a(&self, expected: &str) -> String {
        let found = self.probe.ask.kind().name();
        format!("probe {:?} is a {found}, expected a {expected}", self.probe.id)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use hydrometer_probes::kind::Text;

    use super::*;

    fn text(families: Families) -> Probe {
        let text = "before\n = One = \nwords\n = = Sub = = \n = Two = \nmore\n".to_owned();
        let ask = Ask::Text(Text { text, context: None, families });
        Probe {
            id: "t".to_owned(),
            family: "f".to_owned(),
            axis: "prose".to_owned(),
            tags: Vec::new(),
            knob: None,
            boundary: None,
            ask,
        }
    }

    #[test]
    fn every_rule_has_its_families() {
        let check = |rule: Families, window: u32, family: &str, right: bool| {
            let probe = text(rule);
            let fault = AskedProbe::new(&probe).not_a_window(family, window);
            assert_eq!(fault.is_none(), right, "{rule:?} {family:?}: {fault:?}");
        };
        check(Families::Probe, 3, "f", true);
        check(Families::Probe, 0, "f/00000", false);
        check(Families::Window, 3, "f/00003", true);
        check(Families::Window, 3, "f/00002", false);
        for family in ["f/0000", "f/0001 One", "f/0002 Two"] {
            check(Families::Heading, 9, family, true);
        }
        for family in ["f", "f/0002 One", "f/0003", "f/0001 Sub"] {
            check(Families::Heading, 0, family, false);
        }
    }

    #[test]
    fn a_probe_of_another_kind_is_named() {
        let probe = text(Families::Probe);
        let asked = AskedProbe::new(&probe);
        assert_eq!(asked.choice().unwrap_err(), "probe \"t\" is a text, expected a choice");
        assert_eq!(asked.not_a_prompt().unwrap(), "probe \"t\" is a text, expected a prompt");
    }
}
