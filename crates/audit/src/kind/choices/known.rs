//! How well the options of a choice are known: a server that lists first tokens bounds those that it does not list, and letters that
//! are drawn are shares of a few. What that does to each number is said here: it is the same, wider, or none.

use hydrometer_answers::{ChoiceRow, Facet, Manifest, Told};
use hydrometer_metrics::measure::choices::{
    BRIER_STUDENT, BRIER_TEACHER, CALIBRATION_SLOPE, CHOICE_ACCURACY_STUDENT, CHOICE_ACCURACY_TEACHER,
    CHOICE_AGREEMENT, CHOICE_DIVERGENCE, CHOICE_DIVERGENCE_RATIO, CHOICE_GAINED, CHOICE_LOST, CHOICE_NET_LOSS,
    CHOICE_TOP1_AGREEMENT, ECE2_STUDENT, ECE2_TEACHER, top,
};
use hydrometer_metrics::measure::{Definition, Table};
use hydrometer_probes::counted::counted;

use super::AskedChoice;
use crate::evidence::Rows;

/// What of a model's options is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Known {
    /// Most of their probability that may belong to options that the server did not list, in [0, 1], averaged over orders.
    pub unlisted: f64,
    /// Σ_o Var P(o) where letters were drawn.
    pub variance: Option<f64>,
}

/// What of the options of one order is known: `None` where fewer than two letters were drawn, which say nothing of their spread.
pub(super) fn of_order(rows: &[ChoiceRow], model: usize) -> Option<Known> {
    let said = |row: &ChoiceRow| row.said()[model];
    if rows.iter().any(|row| said(row).told == Told::Drawn) {
        let letters = f64::from(rows.iter().map(|row| said(row).letters).sum::<u32>());
        let variance = |row: &ChoiceRow| {
            let share = f64::from(said(row).letters) / letters;
            share * (1.0 - share) / (letters - 1.0)
        };
        return (letters > 1.0)
            .then(|| Known { unlisted: 0.0, variance: Some(rows.iter().map(variance).sum::<f64>()) });
    }
    let mass = |told: Told| -> f64 {
        let logprob = |row: &ChoiceRow| [row.teacher_logprob, row.student_logprob][model];
        rows.iter().filter(|row| said(row).told == told).map(|row| logprob(row).exp()).sum()
    };
    let (listed, others) = (mass(Told::Exact), mass(Told::AtMost));
    Some(Known { unlisted: if others > 0.0 { others / (listed + others) } else { 0.0 }, variance: None })
}

/// The drawn letters of a choice.
pub(crate) struct Letters {
    /// Those that name an option, over all orders.
    pub counted: u32,
    /// Covariances of the options' shares, without bias, options × options.
    pub covariance: Vec<Vec<f64>>,
}

impl Letters {
    /// `None` where none were drawn, or too few in an order.
    pub(super) fn of(rows: &[ChoiceRow], options: usize, model: usize) -> Option<Self> {
        let orders = rows.chunk_by(|a, b| a.rotation == b.rotation);
        let n = orders.clone().count() as f64;
        let mut found = Self { counted: 0, covariance: vec![vec![0.0; options]; options] };
        for order in orders {
            let counts = |row: &ChoiceRow| (row.option as usize, row.said()[model].letters);
            let letters: u32 = order.iter().map(|row| counts(row).1).sum();
            if letters < 2 || order.iter().any(|row| row.said()[model].told != Told::Drawn) {
                return None;
            }
            found.counted += letters;
            let share = |letters_of: u32| f64::from(letters_of) / f64::from(letters);
            for (a, of_a) in order.iter().map(counts) {
                for (b, of_b) in order.iter().map(counts) {
                    let itself = if a == b { share(of_a) } else { 0.0 };
                    found.covariance[a][b] +=
                        (itself - share(of_a) * share(of_b)) / (f64::from(letters) - 1.0) / (n * n);
                }
            }
        }
        Some(found)
    }
}

/// How a model's options were had, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Had {
    /// It shows the probability of each.
    Logits,
    /// Its server lists the most probable first tokens.
    Listed,
    /// Letters were drawn.
    Drawn,
}

/// How the options of the teacher (0) or the student (1) were had.
pub(crate) fn had(rows: &Rows, model: usize) -> Had {
    let said = |told: Told| rows.choices.iter().any(|row| row.said()[model].told == told);
    match () {
        () if said(Told::Drawn) => Had::Drawn,
        () if said(Told::AtMost) || is_asked_for_letters(&rows.manifest, WHO[model]) => Had::Listed,
        () => Had::Logits,
    }
}

const WHO: [&str; 2] = ["teacher", "student"];

/// Whether a model that does not weigh options itself was asked for letters.
fn is_asked_for_letters(manifest: &Manifest, who: &str) -> bool {
    let says = manifest.facets.get(who).is_some_and(|has| has.contains(&Facet::Choices));
    manifest.settings.letters.is_some() && !says
}

/// Whose options a number on choices reads, the teacher's first.
pub(crate) fn whose(definition: &Definition) -> [bool; 2] {
    reads(definition.id).map_or([true; 2], |(of, _)| of)
}

/// How the options of models were had that were asked for letters, as sentences of the statement.
pub(crate) fn in_words<'a>(
    manifest: &'a Manifest,
    rows: &'a [ChoiceRow],
    choices: &'a [AskedChoice<'_>],
) -> impl Iterator<Item = String> + 'a {
    let asked = |who: &str| is_asked_for_letters(manifest, who) && !rows.is_empty();
    let letters = WHO.into_iter().enumerate().filter(move |(_, who)| asked(who));
    letters.map(|(model, who)| {
        let by_provider = [&manifest.teacher, &manifest.student][model].draws_as_its_provider();
        let drawn = if by_provider { "as its provider sees fit" } else { "at temperature 1" };
        of_letters(rows, choices, model, who, drawn)
    })
}

fn of_letters(rows: &[ChoiceRow], choices: &[AskedChoice<'_>], model: usize, who: &str, drawn: &str) -> String {
    let said = |told: Told| rows.iter().any(|row| row.said()[model].told == told);
    if said(Told::Drawn) {
        let probes = |counts: &mut dyn Iterator<Item = &str>| counts.collect::<std::collections::BTreeSet<_>>().len();
        let asked = probes(&mut rows.iter().map(|row| row.probe.as_str()));
        let left_out = asked - probes(&mut choices.iter().map(|choice| choice.probe.id.as_str()));
        let left_out = match left_out {
            0 => String::new(),
            n => format!(
                " In no number, for fewer than two letters in one of its orders: {}.",
                counted(n as u64, "choice")
            ),
        };
        return format!(
            "The {who}'s options are counts of letters, drawn {drawn} for each order of a choice (regime R4): squares of \
             their shares are without the bias of so few draws, intervals contain their chance, and numbers that need the most \
             probable option or its probability are not measured.{left_out}"
        );
    }
    let known: Vec<f64> = choices.iter().map(|choice| choice.known[model].unlisted).collect();
    let most = known.iter().copied().fold(0.0, f64::max);
    let listed = format!(
        "The {who}'s options are among the most probable first tokens of its answers, as its server lists them (regime R2)"
    );
    if !said(Told::AtMost) {
        return format!("{listed}: every option is listed, and numbers on choices are exact.");
    }
    format!(
        "{listed}: an option that is not listed has at most the probability of the last that is. At most {:.1e} of the options' probability \
             on average, and {most:.1e} on one choice, may lie there: numbers on choices are in the middle of that, and their \
             intervals contain it.",
        known.iter().sum::<f64>() / known.len().max(1) as f64
    )
}

/// What a number is made of.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    /// Of which option is the most probable.
    Favourites,
    /// Of squares and products of probabilities.
    Squares,
    /// Of each probability by itself.
    Each,
}

/// Whose options a number reads, the teacher's first, and what it makes of them.
fn reads(id: &str) -> Option<([bool; 2], Made)> {
    let is = |definitions: &[&Definition]| definitions.iter().any(|definition| definition.id == id);
    let of = match () {
        () if is(&[&CHOICE_ACCURACY_TEACHER, &BRIER_TEACHER, &ECE2_TEACHER]) => [true, false],
        () if is(&[&CHOICE_ACCURACY_STUDENT, &BRIER_STUDENT, &ECE2_STUDENT]) => [false, true],
        () => [true, true],
    };
    let favourites = [
        &CHOICE_TOP1_AGREEMENT,
        &CHOICE_ACCURACY_TEACHER,
        &CHOICE_ACCURACY_STUDENT,
        &CHOICE_LOST,
        &CHOICE_GAINED,
        &CHOICE_NET_LOSS,
    ];
    let squares = [&CHOICE_AGREEMENT, &CHOICE_DIVERGENCE, &CHOICE_DIVERGENCE_RATIO, &BRIER_TEACHER, &BRIER_STUDENT];
    match () {
        () if is(&favourites) => Some((of, Made::Favourites)),
        () if is(&squares) => Some((of, Made::Squares)),
        () if is(&[&ECE2_TEACHER, &ECE2_STUDENT, &CALIBRATION_SLOPE]) => Some((of, Made::Each)),
        () => None,
    }
}

/// What becomes of a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bounded {
    /// It is as it is.
    Point,
    /// It may lie lower by the first, higher by the second, because of what was not listed.
    Within(f64, f64),
}

/// What becomes of a number on these choices.
///
/// # Errors
/// Why it cannot be had of them.
pub(crate) fn bounded(choices: &[AskedChoice<'_>], definition: &Definition) -> Result<Bounded, String> {
    let of_choices = definition.measure.is_some_and(|measure| measure.table == Table::Choices);
    let Some((of, made)) = reads(definition.id).filter(|_| of_choices) else { return Ok(Bounded::Point) };
    let reads = |known: &[Known; 2]| {
        [0, 1].into_iter().filter(|&model| of[model]).map(|model| known[model]).collect::<Vec<_>>()
    };
    let any = |is: fn(&Known) -> bool| choices.iter().any(|choice| reads(&choice.known).iter().any(is));
    if made != Made::Squares && any(|known| known.variance.is_some()) {
        return Err(
            "the options' letters were drawn, and a few letters say neither which option is the most probable nor how \
                    probable each is"
                .to_owned(),
        );
    }
    if !any(|known| known.unlisted > 0.0) {
        return Ok(Bounded::Point);
    }
    if made == Made::Each {
        return Err("needs the probability of every option, and of some the server lists none".to_owned());
    }
    let with_truth = ![CHOICE_TOP1_AGREEMENT.id, CHOICE_AGREEMENT.id, CHOICE_DIVERGENCE.id, CHOICE_DIVERGENCE_RATIO.id]
        .contains(&definition.id);
    let counted: Vec<_> = choices.iter().filter(|choice| !with_truth || choice.truth.is_some()).collect();
    let most = |of: &dyn Fn(&AskedChoice<'_>) -> f64| counted.iter().map(|choice| of(choice)).sum::<f64>();
    let n = counted.len().max(1) as f64;
    let unlisted = |choice: &AskedChoice<'_>| reads(&choice.known).iter().map(|known| known.unlisted).sum::<f64>();
    if made == Made::Favourites {
        let unsettled = most(&|choice| {
            let shares = [&choice.teacher, &choice.student];
            let open = |model: &usize| of[*model] && !settled(shares[*model], choice.known[*model].unlisted);
            [0, 1].iter().filter(|model| open(model)).count() as f64
        });
        return Ok(within(unsettled / n));
    }
    if definition.id == CHOICE_AGREEMENT.id {
        // |Σ δ_o Q(o)| ≤ Σ |δ_o| / 2, and Σ |δ_o| ≤ 2 · unlisted.
        return Ok(within(most(&|choice| unlisted(choice).min(1.0)) / n));
    }
    let from = |choice: &AskedChoice<'_>| -> f64 {
        let (t, s) = (&choice.teacher, &choice.student);
        let truth = |p: &[f64]| {
            let one = |(o, p): (usize, &f64)| (p - f64::from(u8::from(choice.truth == Some(o)))).powi(2);
            p.iter().enumerate().map(one).sum::<f64>()
        };
        match of {
            [true, true] => choice.distance(),
            [true, false] => truth(t),
            _ => truth(s),
        }
    };
    let over = most(&|choice| square_slack(from(choice), unlisted(choice)));
    if definition.id != CHOICE_DIVERGENCE_RATIO.id {
        return Ok(within(over / n));
    }
    let guess = |choice: &AskedChoice<'_>| {
        let guess = 1.0 / choice.teacher.len() as f64;
        choice.teacher.iter().map(|p| (p - guess).powi(2)).sum::<f64>()
    };
    let variance = |choice: &AskedChoice<'_>, model: usize| choice.known[model].variance.unwrap_or(0.0);
    let all = most(&|choice| choice.distance() - variance(choice, 0) - variance(choice, 1));
    let under = most(&|choice| guess(choice) - variance(choice, 0));
    let slack = most(&|choice| square_slack(guess(choice), choice.known[0].unlisted));
    if slack >= under {
        return Err("the teacher may be no surer than a guess within what its server does not list".to_owned());
    }
    let (value, low, high) = (all / under, (all - over).max(0.0) / (under + slack), (all + over) / (under - slack));
    Ok(Bounded::Within(value - low, high - value))
}

fn within(slack: f64) -> Bounded {
    if slack > 0.0 { Bounded::Within(slack, slack) } else { Bounded::Point }
}

/// How far Σ d² can be from what it is, where the vector d may be moved by √2 · `unlisted`.
fn square_slack(square: f64, unlisted: f64) -> f64 {
    let moved = std::f64::consts::SQRT_2 * unlisted;
    2.0 * square.max(0.0).sqrt() * moved + moved * moved
}

/// Whether no option can overtake the most probable one: each probability may be off by `unlisted`.
pub(crate) fn settled(shares: &[f64], unlisted: f64) -> bool {
    let first = top(shares, 0);
    unlisted == 0.0 || shares.iter().enumerate().all(|(o, share)| o == first || shares[first] - share > 2.0 * unlisted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use hydrometer_answers::OptionSaid;
    use hydrometer_metrics::measure::Sums;
    use hydrometer_probes::kind;
    use hydrometer_probes::{Ask, Probe};

    use super::*;
    use crate::kind::choices::choices;

    fn probe() -> Probe {
        let options = ["yes", "no", "perhaps"].map(String::from).to_vec();
        let choice =
            kind::Choice { prompt: "Is it?".into(), options, truth: Some(1), asked_as: kind::AskedAs::Question };
        let ask = Ask::Choice(choice);
        Probe {
            id: "c".into(),
            family: "f".into(),
            axis: "a".into(),
            tags: Vec::new(),
            knob: None,
            boundary: None,
            ask,
        }
    }

    /// What the teacher gives to the options, and whether that is all that is known, beside a student that is known.
    fn rows(teacher: [(f64, Told); 3]) -> Vec<ChoiceRow> {
        let row = |(option, ((p, told), q)): (u32, ((f64, Told), f64))| ChoiceRow {
            probe: "c".into(),
            family: "f".into(),
            rotation: 0,
            option,
            teacher_logprob: p.ln(),
            student_logprob: f64::ln(q),
            control_logprob: None,
            teacher_said: OptionSaid { told, letters: 0 },
            student_said: OptionSaid::default(),
        };
        (0..).zip(teacher.into_iter().zip([0.2, 0.5, 0.3])).map(row).collect()
    }

    /// Each number of one choice, and how far it may lie from it.
    fn found(rows: &[ChoiceRow], definition: &Definition) -> (f64, Result<Bounded, String>) {
        let probe = probe();
        let probes = std::collections::BTreeMap::from([("c", &probe)]);
        let choices = choices(rows, &probes);
        let mut sums = Sums::new();
        sums.choice("f", &choices[0].choice().unwrap());
        (definition.value(&sums).unwrap_or(f64::NAN), bounded(&choices, definition))
    }

    #[test]
    fn whatever_is_not_listed_has_the_number_lies_within_its_bounds() {
        let (listed, most) = ([0.5, 0.3], 0.08);
        let known = rows([(listed[0], Told::Exact), (listed[1], Told::Exact), (most, Told::AtMost)]);
        for definition in [&CHOICE_AGREEMENT, &CHOICE_DIVERGENCE, &CHOICE_DIVERGENCE_RATIO, &BRIER_TEACHER] {
            let (value, bounds) = found(&known, definition);
            let Ok(Bounded::Within(below, above)) = bounds else { panic!("{}: {bounds:?}", definition.id) };
            assert!(below > 0.0 && above > 0.0 && below < value + 1.0, "{}", definition.id);
            for share in 0..=20 {
                let there = f64::from(share) / 20.0 * most;
                let truth =
                    rows([(listed[0], Told::Exact), (listed[1], Told::Exact), (there.max(1e-300), Told::Exact)]);
                let (truth, point) = found(&truth, definition);
                assert_eq!(point, Ok(Bounded::Point));
                assert!(value - below <= truth && truth <= value + above, "{}: {truth}", definition.id);
            }
        }
        // The student's own numbers do not change; its favourite and the teacher's are settled.
        for definition in [&BRIER_STUDENT, &ECE2_STUDENT, &CHOICE_LOST, &CHOICE_ACCURACY_TEACHER] {
            assert_eq!(found(&known, definition).1, Ok(Bounded::Point), "{}", definition.id);
        }
        for definition in [&ECE2_TEACHER, &CALIBRATION_SLOPE] {
            assert!(found(&known, definition).1.unwrap_err().contains("every option"), "{}", definition.id);
        }
        // Another option may be ahead.
        let open = rows([(0.3, Told::Exact), (0.28, Told::Exact), (0.2, Told::AtMost)]);
        assert_eq!(found(&open, &CHOICE_LOST).1, Ok(Bounded::Within(1.0, 1.0)));
    }

    #[test]
    fn drawn_letters_have_no_favourite() {
        let mut drawn = rows([(0.5, Told::Drawn), (0.25, Told::Drawn), (0.25, Told::Drawn)]);
        for (row, letters) in drawn.iter_mut().zip([2, 1, 1]) {
            row.teacher_said.letters = letters;
        }
        assert_eq!(found(&drawn, &CHOICE_DIVERGENCE).1, Ok(Bounded::Point));
        for definition in [&CHOICE_LOST, &CHOICE_TOP1_AGREEMENT, &CHOICE_ACCURACY_TEACHER, &ECE2_TEACHER] {
            assert!(found(&drawn, definition).1.unwrap_err().contains("letters were drawn"), "{}", definition.id);
        }
        assert_eq!(found(&drawn, &CHOICE_ACCURACY_STUDENT).1, Ok(Bounded::Point));
    }
}
