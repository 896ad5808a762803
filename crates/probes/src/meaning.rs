//! Meaning classes: which of the answers to one prompt say the same. Agreement and diversity are counted in classes.
//!
//! Equal normal forms are one class. Distinct ones are joined by an [`Equivalence`], which is a seam: character
//! n-grams by default, a sentence encoder or a judge where there is one.

mod data;
mod deciding;
mod layout;
mod signs;
mod writing;

use std::collections::BTreeMap;

use self::deciding::{Said, decided};
use self::layout::Layout;
use crate::Normal;
use crate::normalise::{collapsed, normalise, without_thoughts};

/// Whether two different answers to one prompt mean the same. Should be symmetric; it is asked in one order only.
pub trait Equivalence {
    /// Whether they do.
    fn same(&self, a: &str, b: &str) -> bool;
}

/// Answers mean the same when their normal forms are equal and only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal;

impl Equivalence for Equal {
    fn same(&self, a: &str, b: &str) -> bool {
        a == b
    }
}

/// Similar wording: the Dice coefficient 2·|A ∩ B| / (|A| + |B|) of the multisets of character `n`-grams.
///
/// Before counting, case is folded, white space collapsed, and full stops and exclamation marks at the end are dropped, quotation marks and
/// emphasis around the whole. A text shorter than
/// `n` is one gram. Texts with different sequences of numbers are never the same, however similar. Nor are texts that share all words
/// in their order but one or two of each, articles aside, unless these are one word in two forms, nor texts of which one says `not` (or another
/// word that turns what is said) more often: where everything else is alike, `approved` and `rejected` is what was answered.
///
/// Texts of the same words, numbers and signs in the same order are the same, whatever the coefficient: what only lays a text out is no word,
/// and every symbol is one. Texts that both hold JSON are compared by what it holds.
///
/// It sees spelling, not sense: a paraphrase in other words is another class, and long texts that share most words
/// are one. Prompts with a final answer want a normaliser that extracts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NGrams {
    /// Characters in a gram, at least 1.
    pub n: usize,
    /// Least coefficient, in [0, 1], of texts that mean the same.
    pub threshold: f64,
}

/// The equivalence used where none is named: 3-grams, 0.8. A convention, fixed before any model was looked at.
pub const STANDARD: NGrams = NGrams { n: 3, threshold: 0.8 };

/// Bytes beyond which form alone, and other words, no longer tell how similar two texts of the same words are.
const LONG: usize = 200;

impl NGrams {
    /// The Dice coefficient of two texts, in [0, 1]; 1 for texts equal but for case, spacing and a final full stop.
    #[must_use]
    pub fn similarity(&self, a: &str, b: &str) -> f64 {
        let (a, b) = (folded(a), folded(b));
        let (a, b) = (self.grams(&a), self.grams(&b));
        2.0 * shared(&a, &b) as f64 / (a.len() + b.len()).max(1) as f64
    }

    /// The grams of a text, sorted, repeated ones as often as they occur.
    fn grams<'a>(&self, chars: &'a [char]) -> Vec<&'a [char]> {
        let mut grams: Vec<_> = chars.windows(self.n.clamp(1, chars.len().max(1))).collect();
        grams.sort_unstable();
        grams
    }
}

/// A text in lower case with single spaces, without points at its end and without quotation marks or emphasis around it.
fn folded(text: &str) -> Vec<char> {
    let text = writing::plainly(text);
    let folded = collapsed(&text.to_lowercase());
    let around = |c: char| ['"', '“', '”', '„', '«', '»', '*', '_', '`'].contains(&c);
    let ends = |c: char| around(c) || ['.', '!', '。', '！', '．'].contains(&c);
    let folded = folded.trim_start_matches(around).trim_end_matches(ends).trim();
    // A text of nothing else is compared as it is.
    if folded.is_empty() { &text } else { folded }.chars().collect()
}

impl Equivalence for NGrams {
    fn same(&self, a: &str, b: &str) -> bool {
        data::compared(a, b, self).unwrap_or_else(|| {
            let similarity = self.similarity(a, b);
            // Texts that are as far apart and as long have no equal words, and need not be read.
            if similarity < 0.75 * self.threshold && a.len().min(b.len()) > LONG {
                return false;
            }
            let (said, other) = (Said::of(a), Said::of(b));
            said.equals(&other)
                || (said.numbers == other.numbers
                    && similarity >= self.threshold
                    && !decided(&said.words, &other.words))
        })
    }
}

/// Close vectors: the cosine of what a sentence encoder makes of two texts.
///
/// Texts with different sequences of numbers are never the same, however close, nor are those that [`STANDARD`] would join but for the words
/// that decide. A text without a vector is compared by
/// its spelling, as [`STANDARD`] does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors<'a> {
    /// Vectors of length 1 and equal width, by normal form.
    pub of: BTreeMap<String, &'a [f32]>,
    /// Least cosine, in (0, 1], of texts that mean the same.
    pub least_cosine: f64,
}

/// The least cosine used where none is named.
pub const LEAST_COSINE: f64 = 0.85;

impl Equivalence for Vectors<'_> {
    fn same(&self, a: &str, b: &str) -> bool {
        let (Some(x), Some(y)) = (self.of.get(a), self.of.get(b)) else { return STANDARD.same(a, b) };
        if let Some(same) = data::compared(a, b, &STANDARD) {
            return same;
        }
        let (said, other) = (Said::of(a), Said::of(b));
        if said.equals(&other) {
            return true;
        }
        // An encoder hardly sees one word among many.
        if STANDARD.similarity(a, b) >= STANDARD.threshold && decided(&said.words, &other.words) {
            return false;
        }
        let cosine: f64 = x.iter().zip(*y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        x.len() == y.len() && said.numbers == other.numbers && cosine >= self.least_cosine
    }
}

/// Size of the intersection of two sorted multisets.
fn shared(a: &[&[char]], b: &[&[char]]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        count += usize::from(x == y);
        (i, j) = (i + usize::from(x <= y), j + usize::from(y <= x));
    }
    count
}

/// The meaning classes of the answers to one prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meanings {
    /// The class of each answer, in the order in which the answers were given; classes count from 0.
    pub class_of: Vec<usize>,
    /// The most frequent normal form of each class; `None` for the class of those without an answer.
    pub classes: Vec<Option<String>>,
}

/// Sorts the answers to one prompt, of all models together, into meaning classes.
///
/// Distinct normal forms are taken in order of frequency, the most frequent first and equally frequent ones in the
/// order of their bytes. Each joins the first class all of whose members mean the same as it does, or opens a new one
/// (greedy complete linkage: no chain of small steps joins answers that differ). The order of the answers therefore
/// changes neither the classes nor their numbers. Answers that normalise to nothing share a class of their own, the
/// last.
///
/// At most d(d−1)/2 comparisons for d distinct normal forms.
#[must_use]
pub fn classes(steps: &[Normal], answers: &[impl AsRef<str>], equivalence: &dyn Equivalence) -> Meanings {
    let forms: Vec<Option<String>> = answers.iter().map(|answer| normalise(steps, answer.as_ref())).collect();
    // Where all of a text counts, so does how deep the lines of its code stand, which steps may take away.
    let whole = steps.iter().all(|step| matches!(step, Normal::Whitespace | Normal::Case));
    let layout =
        |answer: &str| if whole { Layout::of(without_thoughts(answer).unwrap_or_default()) } else { Layout::default() };
    let layouts: Vec<Layout> = answers.iter().map(|answer| layout(answer.as_ref())).collect();
    let mut times: BTreeMap<(&str, &Layout), usize> = BTreeMap::new();
    for (form, layout) in forms.iter().zip(&layouts) {
        if let Some(form) = form {
            *times.entry((form, layout)).or_default() += 1;
        }
    }
    let mut distinct: Vec<((&str, &Layout), usize)> = times.into_iter().collect();
    // Stable: equally frequent forms keep the order of their bytes.
    distinct.sort_by_key(|&(_, count)| std::cmp::Reverse(count));

    let mut members: Vec<Vec<(&str, &Layout)>> = Vec::new();
    let mut class: BTreeMap<(&str, &Layout), usize> = BTreeMap::new();
    for ((form, layout), _) in distinct {
        let same = |&(member, other): &(&str, &Layout)| {
            layout.agrees_with(other) && (member == form || equivalence.same(member, form))
        };
        let index = members.iter().position(|class| class.iter().all(same)).unwrap_or(members.len());
        match members.get_mut(index) {
            Some(found) => found.push((form, layout)),
            None => members.push(vec![(form, layout)]),
        }
        class.insert((form, layout), index);
    }
    let of = |(form, layout): (&Option<String>, &Layout)| {
        form.as_deref().and_then(|form| class.get(&(form, layout))).copied().unwrap_or(members.len())
    };
    let class_of = forms.iter().zip(&layouts).map(of).collect();
    let named = members.iter().map(|class| Some(class[0].0.to_owned()));
    let unanswered = forms.iter().any(Option::is_none).then_some(None);
    Meanings { class_of, classes: named.chain(unanswered).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEPS: [Normal; 1] = [Normal::Whitespace];

    fn check(answers: &[&str], expected: &[usize]) {
        assert_eq!(classes(&STEPS, answers, &STANDARD).class_of, expected, "{answers:?}");
    }

    #[test]
    fn equal_similar_and_different_answers() {
        check(&[], &[]);
        check(&["Yes.", "yes", " YES ", "no"], &[0, 0, 0, 1]);
        check(&["", " ", "no", ""], &[1, 1, 0, 1]);
        check(&["b", "a", "b"], &[0, 1, 0]);
        check(&["The capital of France is Paris.", "The capital of France is paris", "It is Lyon."], &[1, 1, 0]);
        check(&["There are 18 eggs in the basket today", "There are 19 eggs in the basket today"], &[0, 1]);
        check(&["x + y", "x - y", "C++", "C#"], &[2, 3, 1, 0]);
    }

    #[test]
    fn where_all_else_is_alike_a_word_decides() {
        let long = "After looking at every fact in the record I come to the view that the request should be";
        let say = |word: &str| format!("{long} {word}");
        check(&[&say("approved"), &say("rejected"), &say("not approved"), &say("Approved.")], &[0, 2, 1, 0]);
        // A letter more is no other word, nor is an article.
        let eggs = "There are plenty of fresh eggs and apples in the large woven basket over there";
        check(&[eggs, &eggs.replace("apples", "apple"), &eggs.replace("the large", "a large")], &[0, 0, 0]);
        let cats = "Whatever the weather brings it is plain that the cats of this colour will stay in the barn";
        check(
            &[cats, &cats.replace("it is", "it's"), &cats.replace("cats", "cat"), &cats.replace("colour", "color")],
            &[0, 0, 0, 0],
        );
        // The order of two words, and a word that turns many.
        let owed = "When everything is paid at the end of the year it will be seen that Alice owed more than Bob";
        check(
            &[owed, "When everything is paid at the end of the year it will be seen that Bob owed more than Alice"],
            &[0, 1],
        );
        check(&[&say("done now and done gladly"), &say("done under no circumstances whatever")], &[0, 1]);
        // A letter may make another word.
        for (one, other) in [("typical", "atypical"), ("windows", "widows"), ("had", "has"), ("cheap", "cheat")] {
            assert!(!STANDARD.same(&say(one), &say(other)), "{one}, {other}");
        }
        check(&[&say("organised"), &say("organized"), &say("cancelled"), &say("canceled")], &[1, 1, 0, 0]);
        // Three words of each and everything else alike is another wording.
        check(&[&say("up for it"), &say("in on us")], &[0, 0]);
        check(&["...", "?", "👍", "👎"], &[0, 1, 2, 3]);
    }

    #[test]
    fn signs_decide_as_words_do() {
        let differs = |text: &str, from: &str, to: &str| {
            let other = text.replace(from, to);
            assert!(other != text && STANDARD.similarity(text, &other) >= STANDARD.threshold, "{other}");
            assert!(!STANDARD.same(text, &other), "{other}");
        };
        let code = "fn largest(a, b): when a < b then return b + 1 else return a and print what was found on the way";
        for (from, to) in [("<", ">"), ("+", "-"), ("b +", "b *"), ("a < b", "a == b"), ("when a", "when !a")] {
            differs(code, from, to);
        }
        differs("After all discounts are taken into account the order comes to $5 for you", "$", "£");
        differs("if a == b { stop here and now, or go on }", "==", "!=");
        // What points and marks says nothing.
        let prose =
            "This is a well-known and widely used way to cook rice - it takes ten minutes, or so; try it today!";
        let marked = prose.replace("well-known", "well known").replace('!', ".").replace("rice -", "*rice* —");
        assert!(STANDARD.same(prose, &marked), "{marked}");
    }

    #[test]
    fn where_no_spaces_are_a_character_decides() {
        let eaten = "这种蘑菇在煮熟之后可以吃而且味道很好很多人都喜欢";
        assert!(!STANDARD.same(eaten, &eaten.replace("可以吃", "不可以吃")));
        assert!(!STANDARD.same(eaten, &eaten.replace('好', "差")));
        assert!(STANDARD.same(eaten, &format!("{eaten}！")));
    }

    #[test]
    fn the_depth_of_code_decides_where_steps_join_its_lines() {
        let sum = "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s";
        check(&[sum, &sum.replace("    return", "        return"), &sum.replace("    ", "  ")], &[0, 1, 0]);
    }

    #[test]
    fn thoughts_are_in_no_class() {
        let said = |thought: &str, answer: &str| format!("<think>\n{thought}\n</think>\n\n{answer}");
        let long = "Let me look at every fact in the record, one by one, and weigh them with care. ".repeat(8);
        let (rhine, danube) = (said(&long, "It is the river Rhine"), said(&long, "The Danube flows there"));
        check(&[&rhine, &danube, &said("Short.", "It is the river Rhine"), "<think>\nLet"], &[0, 1, 0, 2]);
    }

    #[test]
    fn a_thousand_equal_answers_are_one_class() {
        let meanings = classes(&STEPS, &["the same"; 1000], &STANDARD);
        assert_eq!(meanings, Meanings { class_of: vec![0; 1000], classes: vec![Some("the same".into())] });
    }

    #[test]
    fn a_chain_of_small_steps_joins_nothing() {
        struct Neighbours;
        impl Equivalence for Neighbours {
            fn same(&self, a: &str, b: &str) -> bool {
                let number = |text: &str| text.parse::<i32>().unwrap_or_default();
                (number(a) - number(b)).abs() <= 1
            }
        }
        let meanings = classes(&STEPS, &["1", "2", "3", "4"], &Neighbours);
        assert_eq!(meanings.class_of, [0, 0, 1, 1]);
        assert_eq!(classes(&STEPS, &["1", "2", "1"], &Equal).class_of, [0, 1, 0]);
    }

    #[test]
    fn close_vectors_mean_the_same_unless_numbers_differ() {
        let (near, far) = ([0.8, 0.6], [0.6, -0.8]);
        let texts = [("I refuse", &[1.0, 0.0][..]), ("No, I won't", &near), ("no 5", &near), ("Yes", &far)];
        let of = texts.iter().map(|&(text, vector)| (text.to_owned(), vector)).collect();
        let vectors = Vectors { of, least_cosine: 0.75 };
        assert!(vectors.same("I refuse", "No, I won't") && !vectors.same("I refuse", "Yes"));
        assert!(!vectors.same("No, I won't", "no 5"));
        let long = ["approved", "rejected"]
            .map(|word| format!("When all is said and done the request of the whole family is {word}"));
        let of = long.iter().map(|text| (text.clone(), &near[..])).collect();
        assert!(
            !Vectors { of, least_cosine: 0.75 }.same(&long[0], &long[1]),
            "a word decides, however close the vectors"
        );
        assert!(!Vectors { least_cosine: 0.85, ..vectors.clone() }.same("I refuse", "No, I won't"));
        // Without a vector the spelling decides.
        assert!(vectors.same("Unheard of.", "unheard of") && !vectors.same("Unheard of", "Yes"));
    }

    #[test]
    fn dice_of_multisets_by_hand() {
        let pairs = NGrams { n: 2, threshold: 0.5 };
        // night: ni ig gh ht; nacht: na ac ch ht.
        assert_eq!(pairs.similarity("night", "nacht"), 2.0 / 8.0);
        // aaaa: aa aa aa; aaa: aa aa.
        assert_eq!(pairs.similarity("aaaa", "aaa"), 4.0 / 5.0);
        assert_eq!(pairs.similarity("", ""), 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_answers_changes_nothing(
            answers in proptest::collection::vec("[ab]{0,2} ?[ab .]{0,6}", 0..12),
            seed in any::<u64>(),
        ) {
            let mut order: Vec<usize> = (0..answers.len()).collect();
            order.sort_by_key(|&index| (index as u64 + 1).wrapping_mul(seed | 1));
            let shuffled: Vec<&String> = order.iter().map(|&index| &answers[index]).collect();
            let (straight, other) = (classes(&STEPS, &answers, &STANDARD), classes(&STEPS, &shuffled, &STANDARD));
            prop_assert_eq!(&straight.classes, &other.classes);
            for (place, &index) in order.iter().enumerate() {
                prop_assert_eq!(straight.class_of[index], other.class_of[place]);
            }
        }

        #[test]
        fn classes_are_whole(answers in proptest::collection::vec("\\PC{0,12}", 0..12)) {
            let meanings = classes(&STEPS, &answers, &STANDARD);
            prop_assert_eq!(meanings.class_of.len(), answers.len());
            for class in 0..meanings.classes.len() {
                prop_assert!(meanings.class_of.contains(&class));
            }
            for (answer, &class) in answers.iter().zip(&meanings.class_of) {
                prop_assert_eq!(normalise(&STEPS, answer).is_none(), meanings.classes[class].is_none());
            }
        }

        #[test]
        fn similarity_is_symmetric_and_bounded(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            let similarity = STANDARD.similarity(&a, &b);
            prop_assert!((0.0..=1.0).contains(&similarity));
            prop_assert_eq!(similarity, STANDARD.similarity(&b, &a));
        }
    }
}
