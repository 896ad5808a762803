//! Which tokens those of an answer are that a server spells: they are those of a tokenizer as far as each has an id there, together they
//! are the words of the answer, and the tokenizer would have cut these words so.

use std::collections::HashMap;

use hydrometer_answers::FinishReason;
use hydrometer_metrics::sparse::{ChatList, ListedDistribution, ShownError};
use hydrometer_models::{ListedAnswer, ListedToken, Tokenizer, id_unspelled};

/// What stands for bytes that are no character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// The last tokens of an answer that was cut at its longest may begin a word or a gap that would have gone on, and been cut otherwise
/// than what is there of it.
const UNFINISHED: usize = 8;

/// A tokenizer by what its tokens are spelled with.
pub(crate) struct Spelling<'t> {
    tokenizer: &'t Tokenizer,
    ids: HashMap<Vec<u8>, Option<u32>>,
    /// Tokens that end answers.
    ends: Vec<u32>,
}

/// The beginning of an answer that is the tokenizer's own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Its tokens. Of the last one only the place is the tokenizer's own, where it would have cut the words otherwise there.
    pub ids: Vec<u32>,
    /// Tokens that the whole answer has, as its server shows it.
    pub shown: usize,
    /// It ends where the tokenizer would have cut the words otherwise.
    pub is_cut: bool,
}

impl Read {
    /// Whether that is all of the answer.
    pub(crate) fn is_whole(&self) -> bool {
        self.shown > 0 && self.ids.len() == self.shown
    }
}

impl<'t> Spelling<'t> {
    pub(crate) fn of(tokenizer: &'t Tokenizer) -> Self {
        Self { tokenizer, ids: tokenizer.ids_by_piece(), ends: tokenizer.ends() }
    }

    /// The only token of this spelling. What is not spelled is a token that ends answers, where the student's of that id is one.
    fn id(&self, bytes: &[u8]) -> Option<u32> {
        if let Some(id) = id_unspelled(bytes) {
            return Some(id).filter(|id| self.ends.contains(id));
        }
        let damaged = bytes.windows(REPLACEMENT.len()).any(|part| part == REPLACEMENT);
        self.ids.get(bytes).copied().flatten().filter(|_| !damaged)
    }

    /// As far as an answer is the tokenizer's own. What is beyond depends on tokens that were drawn, what is not does not: the place
    /// of the first token that is cut otherwise still counts.
    pub(crate) fn read(&self, answer: &ListedAnswer) -> Read {
        let tokens = &answer.tokens;
        // Some servers show the end of an answer as a token without a spelling.
        let is_end = |id| self.ends.contains(&id);
        let is_told = |token: &ListedToken| id_unspelled(&token.bytes).map_or(!token.bytes.is_empty(), is_end);
        let shown = tokens.iter().rposition(is_told).map_or(0, |last| last + 1);
        let mut ids: Vec<u32> = tokens[..shown].iter().map_while(|token| self.id(&token.bytes)).collect();
        let words = ids.iter().rposition(|id| !self.ends.contains(id)).map_or(0, |last| last + 1);
        let said: Vec<u8> = tokens[..words].iter().flat_map(|token| token.bytes.iter().copied()).collect();
        // Where an answer ends within a character, its text may end with what stands for bytes that are none.
        let text = answer.text.trim().trim_end_matches('\u{fffd}').as_bytes();
        let said_in = said.trim_ascii();
        if !(text.starts_with(said_in) || said_in.starts_with(text)) || (said_in.is_empty() && !text.is_empty()) {
            // Words that are not the answer's: thoughts in front of it, or pieces without their spaces.
            return Read { ids: Vec::new(), shown, is_cut: false };
        }
        let own = self.own(&said, &ids[..words]);
        let unfinished = if answer.finish == FinishReason::Length { UNFINISHED } else { 0 };
        let is_cut = own + unfinished < words;
        if is_cut {
            ids.truncate(own + 1);
        }
        Read { ids, shown, is_cut }
    }

    /// How many of these tokens the tokenizer would have made of their words.
    fn own(&self, said: &[u8], ids: &[u32]) -> usize {
        let whole = match std::str::from_utf8(said) {
            Ok(text) => text,
            // The last character was cut off with the token after it.
            Err(error) => std::str::from_utf8(&said[..error.valid_up_to()]).unwrap_or_default(),
        };
        // Some tokenizers put a space in front of a text.
        let texts = [Some(whole), whole.strip_prefix(' ')];
        let same = |text: &str| {
            let ours = self.tokenizer.encode(text).ok()?;
            Some(ours.iter().zip(ids).take_while(|(ours, theirs)| ours == theirs).count())
        };
        texts.into_iter().flatten().filter_map(same).max().unwrap_or(0)
    }

    /// Tokens that are listed, and those of them without an id.
    pub(crate) fn strange(&self, answer: &ListedAnswer) -> (usize, usize) {
        let listed = || answer.tokens.iter().flat_map(|token| &token.top);
        (listed().count(), listed().filter(|(bytes, _)| self.id(bytes).is_none()).count())
    }

    /// The distribution that a token of an answer was drawn from, as far as its list says it; `token` is its id. `None` where one without
    /// an id is too probable to say anything.
    ///
    /// # Errors
    /// The list is none of a distribution.
    pub(crate) fn distribution(
        &self,
        shown: &ListedToken,
        token: u32,
        entries: usize,
    ) -> Result<Option<ListedDistribution>, ShownError> {
        let logprob = |logprob: f64| logprob as f32;
        let drawn = shown.logprob.map(logprob);
        // Some servers put the drawn token into the list, in the place of the last: it is not one of the most probable then, and says
        // nothing about where the list ends.
        let others = || shown.top.iter().filter(|(bytes, _)| *bytes != shown.bytes).map(|(_, p)| logprob(*p));
        let last = others().reduce(f32::min);
        let mut own = shown.top.iter().filter(|(bytes, _)| *bytes == shown.bytes);
        let in_list = own.next().map(|(_, p)| logprob(*p)).filter(|_| own.next().is_none());
        let behind = in_list.zip(last).is_some_and(|(own, last)| own < last);
        let (mut listed, mut nameless) = (Vec::with_capacity(shown.top.len()), Vec::new());
        for (bytes, p) in &shown.top {
            let twice = shown.top.iter().filter(|(other, _)| other == bytes).count() > 1;
            match self.id(bytes).filter(|_| !twice) {
                Some(id) if id == token && behind => {}
                Some(id) => listed.push((id, logprob(*p))),
                None => nameless.push(logprob(*p)),
            }
        }
        let last = match (last, in_list) {
            (Some(last), _) => last,
            (None, Some(own)) => own,
            (None, None) => return Ok(None),
        };
        let next = (token, in_list.or(drawn));
        ListedDistribution::of_chat(ChatList { listed: &listed, last, nameless: &nameless, next }, entries)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use hydrometer_metrics::sparse::bounds;
    use hydrometer_models::{Tokenizer, unspelled};

    use super::*;

    fn tokenizer() -> Tokenizer {
        let pieces = ["<s>", "</s>", "a", "b", "ab", " a", "c", "é"];
        Tokenizer::from_pieces(&pieces, hydrometer_models::Specials { bos: Some(0), eos: Some(1) }).unwrap()
    }

    fn answer(text: &str, tokens: &[&[u8]]) -> ListedAnswer {
        let token = |bytes: &&[u8]| ListedToken { bytes: bytes.to_vec(), logprob: Some(-1.0), top: Vec::new() };
        let tokens = tokens.iter().map(token).collect();
        ListedAnswer { text: text.to_owned(), finish: FinishReason::Stop, tokens, read: 0, drawn: 0 }
    }

    #[test]
    fn an_answer_is_read_as_far_as_it_is_the_tokenizer_s_own() {
        let tokenizer = tokenizer();
        let spelling = Spelling::of(&tokenizer);
        let check = |text: &str, tokens: &[&[u8]], ids: &[u32], shown: usize| {
            let read = spelling.read(&answer(text, tokens));
            assert_eq!((read.ids.as_slice(), read.shown), (ids, shown), "{text}");
            assert_eq!(read.is_cut, text == "cab", "{text}");
        };
        check("ab ac", &[b"ab", b" a", b"c"], &[4, 5, 6], 3);
        // The end, by its name or by nothing.
        check("ab", &[b"ab", b"</s>"], &[4, 1], 2);
        check("ab", &[b"ab", b""], &[4], 1);
        check("ab", &[b"ab", &unspelled(1)], &[4, 1], 2);
        check("ab", &[b"ab", &unspelled(3)], &[4], 1);
        // A text whose first space is not shown.
        check("a b", &[b" a", b"c"], &[], 2);
        check("ac", &[b" a", b"c"], &[5, 6], 2);
        // Cut otherwise: the place of the first such token still counts.
        check("cab", &[b"c", b"a", b"b"], &[6, 2], 3);
        // No such token; a part of a character; thoughts.
        check("axa", &[b"a", b"x", b"a"], &[2], 3);
        check("ab\u{fffd}", &[b"ab", &[0xc3]], &[4], 2);
        check("a\u{fffd}", &[b"a", "\u{fffd}".as_bytes()], &[2], 2);
        check("aé", &[b"a", &[0xc3], &[0xa9]], &[2], 3);
        check("b", &[b"a", b"a", b"b"], &[], 3);
        check("ab", &[], &[], 0);
        assert!(spelling.read(&answer("abc", &[b"ab", b"c"])).is_whole());
        assert!(!spelling.read(&answer("", &[])).is_whole());
    }

    #[test]
    fn an_answer_that_was_cut_at_its_longest_may_end_within_a_word() {
        let tokenizer = tokenizer();
        let spelling = Spelling::of(&tokenizer);
        let check = |tokens: &[&[u8]], finish: FinishReason, ids: &[u32], is_cut: bool| {
            let text = String::from_utf8(tokens.concat()).unwrap();
            let read = spelling.read(&ListedAnswer { finish, ..answer(&text, tokens) });
            assert_eq!((read.ids.as_slice(), read.is_cut), (ids, is_cut), "{text}");
        };
        // The last two would be one token, if the answer ended there.
        check(&[b"c", b"a", b"b"], FinishReason::Length, &[6, 2, 3], false);
        check(&[b"c", b"a", b"b"], FinishReason::Stop, &[6, 2], true);
        // Too far from the end to be a part of what would have gone on.
        let long: Vec<&[u8]> =
            [b"a", b"b"].into_iter().chain([b"c"; UNFINISHED]).map(|token| token.as_slice()).collect();
        check(&long, FinishReason::Length, &[2], true);
    }

    #[test]
    fn a_list_says_what_its_most_probable_tokens_say() {
        let tokenizer = tokenizer();
        let spelling = Spelling::of(&tokenizer);
        let found = |own: &str, logprob: Option<f64>, top: &[(&str, f64)], token: u32| {
            let top = top.iter().map(|(text, p)| (text.as_bytes().to_vec(), p.ln())).collect();
            let shown = ListedToken { bytes: own.as_bytes().to_vec(), logprob, top };
            let student = ListedDistribution::of_logits(&[0.0; 8], token).unwrap();
            let teacher = spelling.distribution(&shown, token, 8).unwrap()?;
            Some(bounds(&teacher, &student, 8))
        };
        // 0.15 is open, each of it at most 0.1.
        let listed = found("a", Some(0.6_f64.ln()), &[("a", 0.6), ("b", 0.15), ("c", 0.1)], 2).unwrap();
        assert_eq!((listed.target, listed.teacher_top1, listed.teacher_logprob), (2, 2, Some(0.6_f64.ln() as f32)));
        assert!((listed.teacher_unlisted - 0.15).abs() < 1e-6, "{listed:?}");
        // A drawn token in the place of the last one: 0.01 is its own, and says nothing of the others.
        let drawn = found("ab", Some(0.01_f64.ln()), &[("a", 0.6), ("b", 0.15), ("ab", 0.01)], 4).unwrap();
        assert!((drawn.teacher_unlisted - 0.24).abs() < 1e-6, "{drawn:?}");
        assert_eq!(drawn.teacher_logprob, Some(0.01_f64.ln() as f32));
        // 0.15 of 0.24 may be on one token, which meets 1/8 of the student's.
        assert!(drawn.overlap.high > 0.125 + 0.125 + 0.01 + 0.2, "{drawn:?}");
        // One of which nobody says how probable it is.
        let unknown = found("ab", None, &[("a", 0.6), ("b", 0.15), ("c", 0.1)], 4).unwrap();
        assert_eq!((unknown.target, unknown.teacher_logprob), (4, None));
        assert!((unknown.teacher_unlisted - 0.15).abs() < 1e-6, "{unknown:?}");
        // What ends an answer is known by its id.
        assert!(found("a", Some(0.3_f64.ln()), &[("", 0.6), ("a", 0.3)], 2).is_none());
        let top = vec![(unspelled(1), 0.6_f64.ln()), (b"a".to_vec(), 0.35_f64.ln())];
        let shown = ListedToken { bytes: b"a".to_vec(), logprob: Some(0.35_f64.ln()), top };
        assert!(spelling.distribution(&shown, 2, 8).unwrap().is_some());
        // The most probable one has no id, or there is nothing.
        assert!(found("a", Some(-1.0), &[("x", 0.6), ("a", 0.3)], 2).is_none());
        assert!(found("a", Some(-1.0), &[("a", 0.3), ("a", 0.3)], 2).is_none());
        assert!(found("a", Some(-1.0), &[], 2).is_none());
    }
}
