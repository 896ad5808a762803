//! The words of a language: its data file, compiled. Apart from the rules, which are the same for all languages.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

/// The data files of the languages that are classified.
const LANGUAGES: [&str; 1] = [include_str!("english.toml")];

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| LANGUAGES.iter().map(|file| Words::of(file)).collect());

/// Every language with rules.
pub(super) fn all() -> &'static [Words] {
    &ALL
}

/// A data file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    iso639_3: String,
    function_words: HashSet<String>,
    asking_words: HashSet<String>,
    rewrites: Vec<(String, String)>,
    classes: BTreeMap<String, String>,
    cues: Cues<Vec<String>>,
    prompts: Prompts<Vec<String>>,
}

/// What a sentence can do, each as one pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cues<P> {
    pub idiom: P,
    pub reported: P,
    pub refusal: P,
    pub disclaimer: P,
    pub judgement: P,
    pub wrongness: P,
    pub denial: P,
    pub unlawful: P,
    pub values: P,
    pub because: P,
    pub no_such: P,
    pub admonition: P,
    pub redirect: P,
    pub sympathy: P,
    pub offer: P,
    pub no_knowledge: P,
    pub unclear: P,
    pub hedge: P,
    pub help: P,
    pub turn: P,
}

/// What a prompt can ask for, each as one pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prompts<P> {
    pub writing: P,
    pub text: P,
    pub declining: P,
    pub not_written: P,
    pub asks: P,
    pub action: P,
    pub normative: P,
    pub why: P,
    pub salutation: P,
}

/// A language, ready to be read by.
#[derive(Debug)]
pub(super) struct Words {
    /// Its code in ISO 639-3, as the detector has it.
    pub iso639_3: String,
    pub function_words: HashSet<String>,
    pub asking_words: HashSet<String>,
    pub rewrites: Vec<(String, String)>,
    pub cues: Cues<Regex>,
    pub prompts: Prompts<Regex>,
}

impl Words {
    /// # Panics
    /// When the embedded file is wrong, which a test of this module would have said.
    fn of(file: &str) -> Self {
        let file: File = toml::from_str(file).unwrap_or_else(|error| panic!("an embedded data file: {error}"));
        let one = |patterns: &Vec<String>| {
            let either: Vec<String> = patterns.iter().map(|p| format!("(?:{})", expanded(p, &file.classes))).collect();
            Regex::new(&either.join("|")).unwrap_or_else(|error| panic!("an embedded pattern: {error}"))
        };
        let (cues, prompts) = (&file.cues, &file.prompts);
        Self {
            cues: Cues {
                idiom: one(&cues.idiom),
                reported: one(&cues.reported),
                refusal: one(&cues.refusal),
                disclaimer: one(&cues.disclaimer),
                judgement: one(&cues.judgement),
                wrongness: one(&cues.wrongness),
                denial: one(&cues.denial),
                unlawful: one(&cues.unlawful),
                values: one(&cues.values),
                because: one(&cues.because),
                no_such: one(&cues.no_such),
                admonition: one(&cues.admonition),
                redirect: one(&cues.redirect),
                sympathy: one(&cues.sympathy),
                offer: one(&cues.offer),
                no_knowledge: one(&cues.no_knowledge),
                unclear: one(&cues.unclear),
                hedge: one(&cues.hedge),
                help: one(&cues.help),
                turn: one(&cues.turn),
            },
            prompts: Prompts {
                writing: one(&prompts.writing),
                text: one(&prompts.text),
                declining: one(&prompts.declining),
                not_written: one(&prompts.not_written),
                asks: one(&prompts.asks),
                action: one(&prompts.action),
                normative: one(&prompts.normative),
                why: one(&prompts.why),
                salutation: one(&prompts.salutation),
            },
            iso639_3: file.iso639_3,
            function_words: file.function_words,
            asking_words: file.asking_words,
            rewrites: file.rewrites,
        }
    }
}

/// A pattern with its classes written out.
fn expanded(pattern: &str, classes: &BTreeMap<String, String>) -> String {
    classes.iter().fold(pattern.to_owned(), |pattern, (name, class)| pattern.replace(&format!("{{{name}}}"), class))
}
