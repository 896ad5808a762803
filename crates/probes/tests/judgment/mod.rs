//! The boundary suite: the same bytes everywhere, plentiful, what it declares of itself holds, and not to be guessed.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod read;
mod thumb;

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::builtin::judgment::{STANDARD, families};
use hydrometer_probes::families::SameContent;
use hydrometer_probes::kind::Choice;
use hydrometer_probes::{
    Ask, Boundary, Decision, LintCode, MemberRole, Probe, Stratum, Suite, lint, probe_schema, read_jsonl, write_jsonl,
};

/// Hash of seed 1, as many families as a whole audit asks. A change here changes what such an audit asks.
const PINNED: &str = "d68fcd25aec3c9786cf0e1639a2ed7d12eaa1bcaeb1d3a01ba719524dc0d586e";

fn suite(probes: Vec<Probe>) -> Suite {
    Suite { name: "judgment".to_owned(), probes }
}

fn standard() -> Vec<Probe> {
    families(1, STANDARD)
}

fn boundary(probe: &Probe) -> &Boundary {
    probe.boundary.as_ref().unwrap()
}

fn choice(probe: &Probe) -> Option<&Choice> {
    match &probe.ask {
        Ask::Choice(choice) => Some(choice),
        _ => None,
    }
}

/// The words that stand for what is right, of a choice with a truth.
fn right(probe: &Probe) -> Option<&str> {
    let choice = choice(probe)?;
    Some(choice.options[choice.truth? as usize].as_str())
}

/// All that is said in a probe.
fn text(probe: &Probe) -> String {
    match &probe.ask {
        Ask::Choice(choice) => choice.prompt.clone(),
        ask => ask.kind().texts().into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
    }
}

fn by_family(probes: &[Probe]) -> BTreeMap<&str, Vec<&Probe>> {
    let mut found: BTreeMap<&str, Vec<&Probe>> = BTreeMap::new();
    for probe in probes {
        found.entry(&probe.family).or_default().push(probe);
    }
    found
}

/// The member of a family with a role that is asked as a choice, or else as a prompt.
fn member<'a>(members: &[&'a Probe], role: &MemberRole) -> Option<&'a Probe> {
    let with = |probe: &&&Probe| boundary(probe).role == *role;
    let choice = members.iter().filter(with).find(|probe| choice(probe).is_some());
    choice.or_else(|| members.iter().find(with)).copied()
}

/// A text without the words that are declared as changed.
fn without_changes(probe: &Probe) -> String {
    boundary(probe).changed.iter().fold(text(probe), |text, words| text.replacen(words.as_str(), "", 1))
}

#[test]
fn a_seed_gives_the_pinned_suite_and_another_gives_others() {
    let first = suite(standard());
    assert_eq!(first.hash(), PINNED);
    let words = |probes: &[Probe]| -> BTreeSet<String> { probes.iter().map(text).collect() };
    let (here, there) = (words(&first.probes), words(&families(2, STANDARD)));
    let both = here.intersection(&there).count();
    eprintln!("{both} of {} texts are in two suites", here.len());
    assert!(both * 20 < here.len(), "{both} of {} texts are in two suites", here.len());
}

#[test]
fn there_are_more_than_two_hundred_families_and_fresh_ones_at_will() {
    let probes = standard();
    assert_eq!(by_family(&probes).len(), 6 * STANDARD);
    const { assert!(6 * STANDARD >= 200) };
    for seed in [5, u64::MAX] {
        let many = families(seed, 150);
        assert_eq!(by_family(&many).len(), 6 * 150);
        assert_eq!(SameContent::of(&many).merged(), 0);
    }
    assert!(families(1, 0).is_empty());
}

#[test]
fn it_is_valid_clean_and_survives_its_own_file() {
    let suite = suite(standard());
    suite.validate().unwrap();
    // One axis is what it is for.
    let warnings: Vec<String> =
        lint(&suite).iter().filter(|warning| warning.code != LintCode::OneAxis).map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let mut file = Vec::new();
    write_jsonl(&suite, &mut file).unwrap();
    assert_eq!(read_jsonl(file.as_slice(), &suite.name).unwrap(), suite);
    let schema = jsonschema::validator_for(&probe_schema()).unwrap();
    for probe in suite.probes.iter().step_by(17) {
        assert!(schema.is_valid(&serde_json::to_value(probe).unwrap()), "{probe:?}");
    }
}

#[test]
fn lint_misses_a_counterpart() {
    let lone = |kept: &dyn Fn(&Probe) -> bool| -> Vec<String> {
        let probes = families(1, 24).into_iter().filter(kept).collect();
        let warnings = lint(&suite(probes)).into_iter().filter(|warning| warning.code == LintCode::LoneMember);
        warnings.map(|warning| warning.seen).collect()
    };
    assert!(lone(&|_| true).is_empty());
    let pairs = |probe: &Probe| probe.tags[0] == "pair";
    assert_eq!(lone(&|probe| !(pairs(probe) && boundary(probe).role == MemberRole::Original)).len(), 1);
    assert_eq!(lone(&|probe| boundary(probe).role != MemberRole::Twin).len(), 1);
    assert_eq!(lone(&|probe| boundary(probe).role != MemberRole::Attack).len(), 1);
    let third = |probe: &Probe| matches!(&boundary(probe).role, MemberRole::Rung(rung) if rung.number == 3);
    assert_eq!(lone(&|probe| !third(probe)).len(), 1);
    // An original or a twin may stand alone.
    assert!(lone(&|probe| [MemberRole::Original, MemberRole::Twin].contains(&boundary(probe).role)).is_empty());
}

#[test]
fn every_family_has_its_members_and_says_so() {
    use MemberRole as R;
    let roles = |stratum| match stratum {
        Stratum::NearBoundary => vec![vec![R::Original, R::Flipped], vec![R::Original, R::Paraphrase]],
        Stratum::MinimalPair => vec![vec![R::Original, R::Flipped, R::Paraphrase]],
        Stratum::Ladder => Vec::new(),
        Stratum::Ambiguous | Stratum::HighRisk => vec![vec![R::Original, R::Original, R::Twin, R::Twin]],
        Stratum::Adversarial => vec![
            vec![R::Attack, R::Twin],
            vec![R::Attack, R::Twin, R::Control],
            vec![R::Attack, R::Attack, R::Twin, R::Twin, R::Control, R::Control],
        ],
    };
    let probes = standard();
    for (family, members) in by_family(&probes) {
        let first = boundary(members[0]);
        let found: Vec<MemberRole> = members.iter().map(|probe| boundary(probe).role.clone()).collect();
        let wanted = roles(first.stratum);
        assert!(wanted.is_empty() || wanted.contains(&found), "{family}: {found:?}");
        for probe in members {
            let own = boundary(probe);
            assert_eq!((own.stratum, own.risk), (first.stratum, first.risk), "{family}");
            assert_eq!(serde_json::to_value(own.language).unwrap(), "en");
            let decides = matches!(own.stratum, Stratum::Ambiguous | Stratum::HighRisk | Stratum::Adversarial);
            assert!(!decides || own.expected.is_some(), "{}", probe.id);
            assert!(probe.tags.iter().any(|tag| tag.starts_with("domain:")), "{}", probe.id);
        }
    }
    let domains: BTreeSet<&String> = probes.iter().flat_map(|probe| &probe.tags).collect();
    let domains = domains.iter().filter(|tag| tag.starts_with("domain:")).count();
    assert!(domains >= 20, "{domains} domains");
}

#[test]
fn pairs_differ_in_the_declared_words_only() {
    let mut pairs = 0;
    for (family, members) in by_family(&families(3, 72)) {
        let (Some(original), Some(flipped)) =
            (member(&members, &MemberRole::Original), member(&members, &MemberRole::Flipped))
        else {
            continue;
        };
        pairs += 1;
        assert_eq!(without_changes(original), without_changes(flipped), "{family}");
        assert_ne!(boundary(original).changed, boundary(flipped).changed, "{family}");
        assert!(!boundary(original).changed.is_empty(), "{family}");
        assert_ne!(right(original).unwrap(), right(flipped).unwrap(), "{family}");
        assert_eq!(choice(original).unwrap().options, choice(flipped).unwrap().options, "{family}");
    }
    assert!(pairs >= 100, "{pairs} pairs");
}

#[test]
fn paraphrases_keep_the_facts_in_other_words() {
    let mut seen = 0;
    for (family, members) in by_family(&families(3, 72)) {
        let Some(original) = member(&members, &MemberRole::Original) else { continue };
        let Some(paraphrase) = member(&members, &MemberRole::Paraphrase) else { continue };
        assert_eq!(right(original), right(paraphrase), "{family}");
        assert_eq!(boundary(original).changed, boundary(paraphrase).changed, "{family}");
        let (said, again) = (text(original), text(paraphrase));
        assert_eq!(read::numbers(&said), read::numbers(&again), "{family}");
        let names = read::names(&said).into_iter().chain(read::names(&again));
        let lost: Vec<String> = names.filter(|name| !(said.contains(name) && again.contains(name))).collect();
        assert!(lost.is_empty(), "{family}: {lost:?}");
        let close = hydrometer_probes::meaning::STANDARD.similarity(&said, &again);
        assert!(close < 0.97, "{family}: the same words, {close}");
        seen += 1;
    }
    assert!(seen >= 100, "{seen} paraphrases");
}

#[test]
fn twins_and_attacks_differ_in_the_declared_words_only() {
    for (family, members) in by_family(&families(4, 72)) {
        let stratum = boundary(members[0]).stratum;
        let pair = match stratum {
            Stratum::Ambiguous | Stratum::HighRisk => [MemberRole::Original, MemberRole::Twin],
            Stratum::Adversarial => [MemberRole::Attack, MemberRole::Control],
            _ => continue,
        };
        let [Some(left), Some(other)] = pair.map(|role| member(&members, &role)) else { continue };
        let tidy = |probe: &Probe| without_changes(probe).replace(' ', "");
        if stratum == Stratum::Adversarial {
            // The frame is the same; what it is put around is not.
            let framed =
                members[0].tags.iter().any(|tag| ["role_play", "authority", "conflict"].contains(&tag.as_str()));
            assert!(!framed || boundary(left).changed == boundary(other).changed, "{family}");
        } else {
            assert_eq!(tidy(left), tidy(other), "{family}");
        }
    }
}

#[test]
fn ladders_rise_rung_by_rung_and_are_right_at_their_ends() {
    let probes = families(6, 72);
    let mut up = BTreeMap::new();
    for (family, members) in by_family(&probes) {
        if boundary(members[0]).stratum != Stratum::Ladder {
            continue;
        }
        assert!((7..=9).contains(&members.len()), "{family}");
        let mut values = Vec::new();
        for (probe, number) in members.iter().zip(1..) {
            let MemberRole::Rung(rung) = &boundary(probe).role else { panic!("{family}") };
            assert_eq!((rung.number, rung.of as usize), (number, members.len()), "{family}");
            assert_eq!(without_changes(probe), without_changes(members[0]), "{family}");
            let options = &choice(probe).unwrap().options;
            assert!(options.contains(&rung.toward), "{family}");
            let [value] = boundary(probe).changed.as_slice() else { panic!("{family}") };
            values.push(value.as_str());
            let wanted = match rung.number {
                1 => options.iter().find(|option| **option != rung.toward),
                top if top == rung.of => Some(&rung.toward),
                _ => None,
            };
            assert_eq!(right(probe), wanted.map(String::as_str), "{}", probe.id);
        }
        let numbers: Vec<f64> = values.iter().filter_map(|value| value.parse().ok()).collect();
        assert!(numbers.is_empty() || numbers.len() == values.len(), "{family}");
        assert!(numbers.is_sorted_by(|a, b| a < b), "{family}: {numbers:?}");
        *up.entry(members[0].tags[1].clone()).or_insert(0) += 1;
    }
    // What grows: many things.
    assert!(up.len() >= 7, "{up:?}");
    assert!(
        ["age", "dose", "amount", "certainty", "urgency", "authority", "harm"]
            .iter()
            .all(|&name| up.contains_key(name))
    );
}

#[test]
fn right_options_stand_everywhere_equally_often() {
    let mut places: BTreeMap<(Stratum, usize), Vec<usize>> = BTreeMap::new();
    for probe in standard() {
        if let Some(Choice { options, truth: Some(truth), .. }) = choice(&probe) {
            let count = options.len();
            places.entry((boundary(&probe).stratum, count)).or_insert_with(|| vec![0; count])[*truth as usize] += 1;
        }
    }
    for (which, counts) in places {
        let total: usize = counts.iter().sum();
        let even = total as f64 / counts.len() as f64;
        assert!(
            counts.iter().all(|&count| (count as f64 - even).abs() <= 0.12 * total as f64),
            "{which:?}: {counts:?}"
        );
    }
}

#[test]
fn free_prompts_and_choices_of_a_family_expect_the_same() {
    for (family, members) in by_family(&standard()) {
        let mut expected: BTreeMap<String, BTreeSet<Option<Decision>>> = BTreeMap::new();
        for probe in members {
            let role = serde_json::to_string(&boundary(probe).role).unwrap();
            expected.entry(role).or_default().insert(boundary(probe).expected);
        }
        assert!(expected.values().all(|decisions| decisions.len() == 1), "{family}: {expected:?}");
    }
}

#[test]
fn texts_are_finished_english() {
    let disguised = |probe: &Probe| probe.tags.iter().any(|tag| tag == "disguise");
    for probe in families(8, 72).into_iter().filter(|probe| !disguised(probe)) {
        let text = text(&probe);
        for mark in [
            "<", ">", "{", "}", "|", "[", "]", "~", "^", "  ", " ,", " .", "..", "\u{1}", "\u{2}", " 1 days",
            " 1 hours",
        ] {
            assert!(!text.contains(mark), "{}: {mark:?} in {text}", probe.id);
        }
        assert!(text.len() < 1600, "{}: {} bytes", probe.id, text.len());
        assert!(text.starts_with(|c: char| c.is_uppercase() || c == '"' || c.is_ascii_digit()), "{}: {text}", probe.id);
        for article in [" a a", " a e", " a i", " a o", " an b", " an c", " an d"] {
            // A name follows no article.
            let word_follows =
                text.match_indices(article).any(|(at, _)| text[at + 3..].starts_with(char::is_lowercase));
            assert!(
                !word_follows || article == " a o" && text.contains(" a one"),
                "{}: {article:?} in {text}",
                probe.id
            );
        }
    }
}
