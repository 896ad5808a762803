//! IFEval's verifiable instructions (Zhou et al., arXiv 2311.07911): can be checked by reading, without a judge.
//!
//! Identifiers and arguments are those of the published data. Written from the paper and the published behaviour; where
//! a choice differs it is said at the instruction. The two `english_*` instructions check the case only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counting::{capital_words, is_word, sentences, words};
use super::fault;
use super::language::Language;
use crate::error::{Fault, quote};

/// How a count is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Relation {
    /// Fewer than the number given.
    #[serde(rename = "less than")]
    LessThan,
    /// The number given, or more.
    #[serde(rename = "at least")]
    AtLeast,
}

impl Relation {
    fn holds(self, count: usize, wanted: u32) -> bool {
        match self {
            Self::LessThan => count < wanted as usize,
            Self::AtLeast => count >= wanted as usize,
        }
    }
}

/// One instruction with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "id", deny_unknown_fields)]
pub enum Instruction {
    /// So many words without a lower-case letter.
    #[serde(rename = "change_case:capital_word_frequency")]
    CapitalWords {
        /// How many.
        capital_frequency: u32,
        /// How they are compared.
        capital_relation: Relation,
    },
    /// No lower-case letter. The language is not checked.
    #[serde(rename = "change_case:english_capital")]
    AllCapital {},
    /// No upper-case letter. The language is not checked.
    #[serde(rename = "change_case:english_lowercase")]
    AllLowercase {},
    /// The answer begins with the request itself, whatever the case.
    #[serde(rename = "combination:repeat_prompt")]
    RepeatPrompt {
        /// The request.
        prompt_to_repeat: String,
    },
    /// Two different answers with `******` between them.
    #[serde(rename = "combination:two_responses")]
    TwoResponses {},
    /// At least so many placeholders in square brackets.
    #[serde(rename = "detectable_content:number_placeholders")]
    Placeholders {
        /// How many.
        num_placeholders: u32,
    },
    /// A postscript that begins with this marker; white space within the marker does not count.
    #[serde(rename = "detectable_content:postscript")]
    Postscript {
        /// `P.S.` or `P.P.S`.
        postscript_marker: String,
    },
    /// `My answer is yes.`, `My answer is no.` or `My answer is maybe.`
    #[serde(rename = "detectable_format:constrained_response")]
    ConstrainedResponse {},
    /// The whole answer is JSON, in a code fence or not.
    #[serde(rename = "detectable_format:json_format")]
    JsonFormat {},
    /// At least so many sections, each begun by the splitter and a number.
    #[serde(rename = "detectable_format:multiple_sections")]
    Sections {
        /// The word in front of the number, spelled as in the published data.
        section_spliter: String,
        /// How many.
        num_sections: u32,
    },
    /// Exactly so many lines that begin with `-` or with one `*`.
    #[serde(rename = "detectable_format:number_bullet_lists")]
    Bullets {
        /// How many.
        num_bullets: u32,
    },
    /// At least so many pieces of text between asterisks on one line. As published, `**bold**` counts once.
    #[serde(rename = "detectable_format:number_highlighted_sections")]
    Highlights {
        /// How many.
        num_highlights: u32,
    },
    /// A title in double angular brackets.
    #[serde(rename = "detectable_format:title")]
    Title {},
    /// Each of these occurs, whatever the case; they are texts, not patterns.
    #[serde(rename = "keywords:existence")]
    Keywords {
        /// The texts.
        keywords: Vec<String>,
    },
    /// None of these occurs as a word of its own, whatever the case.
    #[serde(rename = "keywords:forbidden_words")]
    ForbiddenWords {
        /// The words.
        forbidden_words: Vec<String>,
    },
    /// A text occurs so often, whatever the case.
    #[serde(rename = "keywords:frequency")]
    KeywordFrequency {
        /// The text.
        keyword: String,
        /// How often.
        frequency: u32,
        /// How it is compared.
        relation: Relation,
    },
    /// A character occurs so often, whatever the case.
    #[serde(rename = "keywords:letter_frequency")]
    LetterFrequency {
        /// The character.
        letter: char,
        /// How often.
        let_frequency: u32,
        /// How it is compared.
        let_relation: Relation,
    },
    /// Most of the answer is in this language. Published with another detector, which takes an answer without letters
    /// for right; here it is wrong, as is one too short to tell.
    #[serde(rename = "language:response_language")]
    ResponseLanguage {
        /// Which language.
        language: Language,
    },
    /// So many paragraphs, an empty line between them, and the first word of one. Empty paragraphs are not counted.
    #[serde(rename = "length_constraints:nth_paragraph_first_word")]
    ParagraphFirstWord {
        /// How many paragraphs.
        num_paragraphs: u32,
        /// Which one, from 1.
        nth_paragraph: u32,
        /// Its first word.
        first_word: String,
    },
    /// Exactly so many paragraphs with `***` between them.
    #[serde(rename = "length_constraints:number_paragraphs")]
    Paragraphs {
        /// How many.
        num_paragraphs: u32,
    },
    /// So many sentences: where a stop is followed by white space and no lower-case letter.
    #[serde(rename = "length_constraints:number_sentences")]
    Sentences {
        /// How many.
        num_sentences: u32,
        /// How they are compared.
        relation: Relation,
    },
    /// So many words: runs of letters, digits and underscores.
    #[serde(rename = "length_constraints:number_words")]
    Words {
        /// How many.
        num_words: u32,
        /// How they are compared.
        relation: Relation,
    },
    /// No comma.
    #[serde(rename = "punctuation:no_comma")]
    NoComma {},
    /// The answer ends with this phrase, whatever the case; a quotation mark behind it is allowed.
    #[serde(rename = "startend:end_checker")]
    EndsWith {
        /// The phrase.
        end_phrase: String,
    },
    /// The whole answer stands in double quotation marks.
    #[serde(rename = "startend:quotation")]
    Quotation {},
}

impl Instruction {
    /// Refuses arguments that every answer, or none, would satisfy.
    pub(super) fn validate(&self) -> Result<(), Fault> {
        let texts: Vec<&String> = match self {
            Self::Keywords { keywords: texts } | Self::ForbiddenWords { forbidden_words: texts } => {
                if texts.is_empty() {
                    return Err(fault("at least one word in an instruction", "none", "add a word"));
                }
                texts.iter().collect()
            }
            Self::KeywordFrequency { keyword: text, .. }
            | Self::RepeatPrompt { prompt_to_repeat: text }
            | Self::Postscript { postscript_marker: text }
            | Self::Sections { section_spliter: text, .. }
            | Self::EndsWith { end_phrase: text } => vec![text],
            Self::ParagraphFirstWord { num_paragraphs, nth_paragraph, first_word } => {
                if !(1..=*num_paragraphs).contains(nth_paragraph) {
                    let expected = format!("an `nth_paragraph` of 1 to {num_paragraphs}");
                    return Err(fault(expected, nth_paragraph.to_string(), "correct the number"));
                }
                vec![first_word]
            }
            _ => Vec::new(),
        };
        match texts.into_iter().find(|text| text.trim().is_empty()) {
            Some(blank) => Err(fault("words in an instruction", quote(blank), "fill them in")),
            None => Ok(()),
        }
    }

    /// Whether an answer follows the instruction.
    pub(super) fn followed(&self, answer: &str) -> bool {
        match self {
            Self::CapitalWords { capital_frequency, capital_relation } => {
                capital_relation.holds(capital_words(answer), *capital_frequency)
            }
            Self::AllCapital {} => answer.chars().any(char::is_uppercase) && !answer.chars().any(char::is_lowercase),
            Self::AllLowercase {} => answer.chars().any(char::is_lowercase) && !answer.chars().any(char::is_uppercase),
            Self::RepeatPrompt { prompt_to_repeat } => lower(answer).starts_with(&lower(prompt_to_repeat)),
            Self::TwoResponses {} => two_responses(answer),
            Self::Placeholders { num_placeholders } => placeholders(answer) >= *num_placeholders as usize,
            Self::Postscript { postscript_marker } => unspaced(answer).contains(&unspaced(postscript_marker)),
            Self::ConstrainedResponse {} => ["My answer is yes.", "My answer is no.", "My answer is maybe."]
                .iter()
                .any(|text| answer.contains(text)),
            Self::JsonFormat {} => serde_json::from_str::<serde::de::IgnoredAny>(unfenced(answer)).is_ok(),
            Self::Sections { section_spliter, num_sections } => {
                sections(answer, section_spliter.trim()) >= *num_sections as usize
            }
            Self::Bullets { num_bullets } => {
                answer.lines().filter(|line| is_bullet(line.trim_start())).count() == *num_bullets as usize
            }
            Self::Highlights { num_highlights } => highlights(answer) >= *num_highlights as usize,
            Self::Title {} => answer.lines().any(has_title),
            Self::Keywords { keywords } => {
                let answer = answer.to_lowercase();
                keywords.iter().all(|keyword| answer.contains(&keyword.to_lowercase()))
            }
            Self::ForbiddenWords { forbidden_words } => {
                let answer = answer.to_lowercase();
                !forbidden_words.iter().any(|word| has_word(&answer, &word.to_lowercase()))
            }
            Self::KeywordFrequency { keyword, frequency, relation } => {
                relation.holds(answer.to_lowercase().matches(&lower(keyword)).count(), *frequency)
            }
            Self::LetterFrequency { letter, let_frequency, let_relation } => {
                let letter = letter.to_lowercase().to_string();
                let_relation.holds(answer.to_lowercase().matches(&letter).count(), *let_frequency)
            }
            Self::ResponseLanguage { language } => language.is_of(answer),
            Self::ParagraphFirstWord { num_paragraphs, nth_paragraph, first_word } => {
                let paragraphs: Vec<&str> = answer.split("\n\n").filter(|part| !part.trim().is_empty()).collect();
                let nth = paragraphs.get((*nth_paragraph as usize).wrapping_sub(1));
                paragraphs.len() == *num_paragraphs as usize && nth.is_some_and(|part| begins_with(part, first_word))
            }
            Self::Paragraphs { num_paragraphs } => paragraphs(answer) == Some(*num_paragraphs as usize),
            Self::Sentences { num_sentences, relation } => relation.holds(sentences(answer), *num_sentences),
            Self::Words { num_words, relation } => relation.holds(words(answer), *num_words),
            Self::NoComma {} => !answer.contains(','),
            Self::EndsWith { end_phrase } => lower(answer.trim().trim_matches('"')).ends_with(&lower(end_phrase)),
            Self::Quotation {} => {
                let answer = answer.trim();
                answer.len() > 1 && answer.starts_with('"') && answer.ends_with('"')
            }
        }
    }
}

/// Trimmed and in lower case.
fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}

fn unspaced(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}

fn two_responses(answer: &str) -> bool {
    match pieces(answer, "******").as_deref() {
        Some([first, second]) => first != second,
        _ => false,
    }
}

fn paragraphs(answer: &str) -> Option<usize> {
    pieces(answer, "***").map(|pieces| pieces.len())
}

/// The parts between dividers, trimmed. Nothing may stand before the first divider and behind the last one; `None`
/// where nothing stands between two of them.
fn pieces<'a>(answer: &'a str, divider: &str) -> Option<Vec<&'a str>> {
    let parts: Vec<&str> = answer.split(divider).map(str::trim).collect();
    let last = parts.len() - 1;
    let hollow = |(at, part): (usize, &&str)| part.is_empty() && at != 0 && at != last;
    let whole = !parts.iter().enumerate().any(hollow);
    whole.then(|| parts.into_iter().filter(|part| !part.is_empty()).collect())
}

fn placeholders(answer: &str) -> usize {
    let in_line = |line: &str| {
        let (mut count, mut rest) = (0, line);
        while let Some((_, behind)) = rest.split_once('[')
            && let Some((_, next)) = behind.split_once(']')
        {
            count += 1;
            rest = next;
        }
        count
    };
    answer.lines().map(in_line).sum()
}

fn unfenced(answer: &str) -> &str {
    let answer = answer.trim();
    let Some(inner) = answer.strip_prefix("```") else { return answer };
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    let named = inner.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("json"));
    if named { inner[4..].trim() } else { inner.trim() }
}

fn sections(answer: &str, splitter: &str) -> usize {
    let numbered = |(at, found): &(usize, &str)| {
        let mut next = answer[at + found.len()..].chars();
        match next.next() {
            Some(c) if c.is_whitespace() => next.next().is_some_and(|c| c.is_ascii_digit()),
            first => first.is_some_and(|c| c.is_ascii_digit()),
        }
    };
    answer.match_indices(splitter).filter(numbered).count()
}

fn is_bullet(line: &str) -> bool {
    line.starts_with('-') || line.strip_prefix('*').is_some_and(|rest| !rest.starts_with('*'))
}

/// Texts between single asterisks and between double ones, each with a visible character.
fn highlights(answer: &str) -> usize {
    answer.lines().map(|line| between(line, "*") + between(line, "**")).sum()
}

/// Non-overlapping texts without an asterisk that stand between two marks, counted from left to right.
fn between(line: &str, mark: &str) -> usize {
    let (mut count, mut rest) = (0, line);
    while let Some((_, inner)) = rest.split_once(mark) {
        let end = inner.find('*').unwrap_or(inner.len());
        match inner[end..].strip_prefix(mark) {
            Some(behind) => {
                count += usize::from(!inner[..end].trim().is_empty());
                rest = behind;
            }
            // No closing mark here: what looked like the opening one may hold the next.
            None => rest = &rest[rest.len() - inner.len() - (mark.len() - 1)..],
        }
    }
    count
}

fn has_title(line: &str) -> bool {
    let inner = line.split_once("<<").and_then(|(_, rest)| rest.rsplit_once(">>"));
    inner.is_some_and(|(title, _)| !title.trim_matches(|c: char| c == '<' || c == '>' || c.is_whitespace()).is_empty())
}

/// Whether a word, or several, stands in a text with no letter, digit or underscore at either side.
fn has_word(text: &str, word: &str) -> bool {
    let word = word.trim();
    text.match_indices(word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + found.len()..].chars().next();
        !before.is_some_and(is_word) && !behind.is_some_and(is_word)
    })
}

fn begins_with(paragraph: &str, word: &str) -> bool {
    let first = paragraph.split_whitespace().next().unwrap_or_default().trim_start_matches(['\'', '"']);
    let first = first.split(['.', ',', '?', '!', '\'', '"']).next().unwrap_or_default();
    first.to_lowercase() == word.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
