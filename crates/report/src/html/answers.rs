//! Sampled answers: agreement against diversity, who is right, and the prompts behind the numbers side by side.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{AnswerCase, AnswerClass, ChoiceOutcome, Secondary};
use hydrometer_metrics::Estimate;
use maud::{Markup, html};

use super::choices::{GROUPS, bar};
use super::plot::{Scale, anchor, extent, percent, tick};
use super::{absent, foreign};
use crate::show;
use crate::text::{cut, visible};

/// The five cells of right and wrong over pairs of answers: metric, mark, short name.
const CELLS: [(&str, &str, &str); 5] = [
    ("answer_both_right", "both-right", "both right"),
    ("answer_lost", "lost", "lost"),
    ("answer_gained", "gained", "gained"),
    ("answer_both_wrong_same", "wrong-same", "both wrong, same"),
    ("answer_both_wrong_different", "wrong-different", "both wrong, different"),
];
/// Columns of a prompt and of a class's form that are shown before anything is unfolded.
const PROMPT: usize = 320;
const LABEL: usize = 120;

/// What the answers say together.
pub(super) fn summary(statement: &Statement) -> Markup {
    let Some(answers) = &statement.answers else {
        return absent("Not measured: the suite asks nothing that is answered freely.");
    };
    html! {
        p.lead {
            (show::counted(answers.prompts, "prompt")) ", " (show::count(answers.checked)) " of them with a checker; "
            (show::sampling(answers.settings.as_ref())) "."
        }
        @for way in &answers.degenerate { p.degenerate { span.tag { "Degenerate" } " " (visible(way)) } }
        (picture(statement))
        p {
            (show::match_test(answers.match_p_value)) " "
            (share(answers.teacher_cut)) " of the teacher's answers and " (share(answers.student_cut))
            " of the student's reached the longest length."
        }
        @if let Some(meaning) = show::meaning(answers) { p { (visible(&meaning)) } }
        @if let Some(base) = answers.gap_base { p { (show::gap_base(base)) } }
        (cells(statement))
        (secondary(&answers.secondary))
    }
}

/// Described, never gated.
fn secondary(measures: &[Secondary]) -> Markup {
    html! {
        @if !measures.is_empty() {
            h3 { "Secondary measures, described and never gated" }
            p { (show::secondary_note(measures)) }
            div.scroll tabindex="0" role="region" aria-label="Secondary measures, table" {
                table.numbers.stack {
                    caption { "Secondary measures of the answers" }
                    thead { tr { th scope="col" { "Measure" } th.num scope="col" { "Student" } th.num scope="col" { "Teacher" } th.num scope="col" { "Teacher again" } th.num scope="col" { "Answers each" } } }
                    tbody {
                        @for measure in measures {
                            @let [student, teacher, rerun] = show::secondary(measure);
                            tr {
                                th scope="row" {
                                    (show::metric(&measure.id))
                                    @if let Some(missing) = &measure.missing { " " span.quiet { (missing) } }
                                }
                                td.num.value data-label="Student" { (student) }
                                td.num data-label="Teacher" { (teacher) }
                                td.num data-label="Teacher again" { (rerun) }
                                td.num data-label="Answers each" { (show::count(measure.answers)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn share(of_one: f64) -> String {
    format!("{:.1} %", 100.0 * of_one)
}

/// Agreement against diversity: neither can be read without the other.
fn picture(statement: &Statement) -> Markup {
    let numbers = show::estimate(statement, "agreement_ratio").zip(show::estimate(statement, "diversity_kept"));
    let Some((agreement, diversity)) = numbers else {
        return absent("Not drawn: it needs answer agreement against its ceiling, and diversity kept.");
    };
    let gate = |id: &str| {
        let gate = statement.gates.iter().find(|gate| gate.metric == id);
        gate.map(|gate| (gate.at_least, gate.at_most))
    };
    let gates = (gate("agreement_ratio"), gate("diversity_kept"));
    let ends =
        |gate: Option<(Option<f64>, Option<f64>)>| gate.into_iter().flat_map(|(low, high)| [low, high]).flatten();
    // The teacher against itself is at (1, 1), and always in the picture with some room on either side.
    let across = Scale::covering(extent(agreement).chain(ends(gates.0)).chain([0.9, 1.1]));
    let up = Doublings::covering(extent(diversity).chain(ends(gates.1)));
    let said = format!(
        "Agreement against its ceiling {} {}, diversity kept {} {}",
        show::number(agreement.value),
        show::interval(agreement),
        show::number(diversity.value),
        show::interval(diversity)
    );
    html! {
        figure.curve {
            figcaption { "Agreement against diversity" }
            svg.chart width="100%" height="330" role="img" aria-labelledby="trade-title trade-desc" {
                title id="trade-title" { "Answer agreement against diversity kept" }
                desc id="trade-desc" { (said) ". The teacher against itself is at 1 and 1." }
                svg x="52" y="12" width="84%" height="270" overflow="visible" {
                    @if gates.0.is_some() || gates.1.is_some() { (region(across, &up, gates)) }
                    @for (value, label) in across.graduation() {
                        @let x = percent(across.at(value));
                        line.grid x1=(x) x2=(x) y1="0" y2="100%" {}
                        @if let Some(label) = label {
                            text.label x=(x) y="100%" dy="18" text-anchor=(anchor(across.at(value))) { (label) }
                        }
                    }
                    @for value in up.ticks() {
                        @let y = percent(up.at(value));
                        line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                        text.label x="-8" y=(y) dy="4" text-anchor="end" { (tick(value)) }
                    }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { "agreement against its ceiling → diversity kept ↑" }
                    text.label x="1%" y="0" dy="14" { "↖ noise: says more, agrees less" }
                    text.label x="99%" y="100%" dy="-8" text-anchor="end" { "collapse: favourites only ↘" }
                    circle.floor cx=(percent(across.at(1.0))) cy=(percent(up.at(1.0))) r="6" {}
                    (cross(agreement, diversity, across, &up))
                }
            }
            ul.legend aria-label="Signs of the picture" {
                li { svg.key width="26" height="16" aria-hidden="true" { line.interval x1="2" x2="24" y1="8" y2="8" {} circle.point cx="13" cy="8" r="4.5" {} } " student, with intervals" }
                li { svg.key width="26" height="16" aria-hidden="true" { circle.floor cx="13" cy="8" r="6" {} } " teacher against itself" }
                @if gates.0.is_some() || gates.1.is_some() {
                    li { svg.key width="26" height="16" aria-hidden="true" { rect.accepted x="4" y="1" width="20" height="14" {} } " accepted by the gates" }
                }
            }
        }
    }
}

type Bounds = Option<(Option<f64>, Option<f64>)>;

/// What the gates accept, as a rectangle.
fn region(across: Scale, up: &Doublings, (agreement, diversity): (Bounds, Bounds)) -> Markup {
    let (low, high) = agreement.unwrap_or_default();
    let (left, right) = (low.map_or(0.0, |v| across.at(v)), high.map_or(100.0, |v| across.at(v)));
    let (low, high) = diversity.unwrap_or_default();
    let (top, bottom) = (high.map_or(0.0, |v| up.at(v)), low.map_or(100.0, |v| up.at(v)));
    html! {
        rect.accepted x=(percent(left)) y=(percent(top)) width=(percent((right - left).max(0.0)))
            height=(percent((bottom - top).max(0.0))) {}
    }
}

/// The student with both of its intervals.
fn cross(agreement: &Estimate, diversity: &Estimate, across: Scale, up: &Doublings) -> Markup {
    let (x, y) = (across.at(agreement.value), up.at(diversity.value));
    html! {
        @if let Some(interval) = &agreement.interval {
            line.interval x1=(percent(across.at(interval.low))) x2=(percent(across.at(interval.high))) y1=(percent(y)) y2=(percent(y)) {}
        }
        @if let Some(interval) = &diversity.interval {
            line.interval x1=(percent(x)) x2=(percent(x)) y1=(percent(up.at(interval.low))) y2=(percent(up.at(interval.high))) {}
        }
        circle.point cx=(percent(x)) cy=(percent(y)) r="5.5" {}
    }
}

/// A vertical logarithmic scale of ratios, at least from a half to the double.
struct Doublings {
    low: i32,
    high: i32,
}

impl Doublings {
    /// What lies beyond is drawn at the edge.
    const FARTHEST: f64 = 5.0;

    fn covering(values: impl IntoIterator<Item = f64>) -> Self {
        let logs = values.into_iter().filter(|v| *v > 0.0).map(f64::log2);
        let (low, high) = logs.fold((-1.0, 1.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
        Self { low: low.max(-Self::FARTHEST).floor() as i32, high: high.min(Self::FARTHEST).ceil() as i32 }
    }

    /// Height in per cent from the top; zero and less lie on the bottom line.
    fn at(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 100.0;
        }
        let share = (value.log2() - f64::from(self.low)) / f64::from(self.high - self.low);
        100.0 * (1.0 - share.clamp(0.0, 1.0))
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 2f64.powi(power))
    }
}

/// Who is right, as shares of the pairs of answers.
fn cells(statement: &Statement) -> Markup {
    let shares: Vec<_> =
        CELLS.iter().filter_map(|&(id, class, name)| Some((class, name, show::estimate(statement, id)?))).collect();
    if shares.len() < CELLS.len() {
        return absent("Who is right was not measured: no prompt of this suite has a checker.");
    }
    let excess = show::estimate(statement, "excess_flips");
    let said: Vec<_> = shares.iter().map(|(_, name, e)| format!("{name} {}", share(e.value))).collect();
    html! {
        h3 { "Who is right" }
        svg.cells width="100%" height="44" role="img" aria-label=(said.join(", ")) {
            @let starts = shares.iter().scan(0.0, |sum, (_, _, e)| { let start = *sum; *sum += 100.0 * e.value; Some(start) });
            @for ((class, name, estimate), start) in shares.iter().zip(starts) {
                @let width = 100.0 * estimate.value;
                rect class={ "cell-" (class) } x=(percent(start)) y="18" width=(percent(width)) height="26" { title { (name) ": " (share(estimate.value)) } }
                @if width >= 8.0 { text.label x=(percent(start)) y="12" { (format!("{width:.0} %")) } }
            }
        }
        div.scroll tabindex="0" role="region" aria-label="Right and wrong answers, table" {
            table.numbers.stack {
                caption { "Pairs of a teacher's and a student's answer to one prompt, in the order of the bar" }
                thead { tr { th scope="col" { "Answers" } th.num scope="col" { "Share" } th scope="col" { "Interval" } th.num scope="col" { "Teacher against itself" } } }
                tbody {
                    @for (class, name, estimate) in &shares {
                        tr {
                            th scope="row" { span.swatch { svg width="12" height="12" aria-hidden="true" { rect class={ "cell-" (class) } width="12" height="12" {} } } " " (name) }
                            (numbers(estimate))
                        }
                    }
                    @if let Some(excess) = excess { tr { th scope="row" { (show::metric("excess_flips")) } (numbers(excess)) } }
                }
            }
        }
    }
}

fn numbers(estimate: &Estimate) -> Markup {
    html! {
        td.num.value data-label="Share" { (show::number(estimate.value)) }
        td.range data-label="Interval" { (show::interval(estimate)) }
        td.num data-label="Teacher itself" { (show::floor(estimate)) }
    }
}

/// All cases, grouped by outcome.
pub(super) fn cases(cases: &[AnswerCase]) -> Markup {
    if cases.is_empty() {
        return absent("Nothing was answered freely, or no prompt moved.");
    }
    html! {
        p.lead { "Answers that mean the same are one class; the bars are each model's share of its answers." }
        @for (outcome, title, meaning) in GROUPS {
            @let meaning = if outcome == ChoiceOutcome::Moved { "the answers moved most" } else { meaning };
            @let group: Vec<&AnswerCase> = cases.iter().filter(|c| c.outcome == outcome).collect();
            @if !group.is_empty() {
                h3 { (title) " " span.quiet { (group.len()) ": " (meaning) } }
                div.cases { @for one in group { (case(one)) } }
            }
        }
    }
}

fn case(case: &AnswerCase) -> Markup {
    let prompt = visible(&case.prompt);
    let short = cut(&prompt, PROMPT);
    let [teacher, student] = case.others;
    html! {
        article.case {
            p.where { code { (foreign(&case.probe)) } " " span.quiet { (foreign(&case.axis)) " · family " (foreign(&case.family)) } }
            p.prompt dir="auto" { bdi.foreign { (short) } }
            table.options {
                caption.hidden { "Classes of answers with both models' shares" }
                thead { tr { th scope="col" { "Answer" } th.teacher scope="col" { "Teacher" } th.student scope="col" { "Student" } } }
                tbody {
                    @for class in &case.classes { (row(class)) }
                    @if teacher + student > 0.0 {
                        tr { th scope="row" { em { "others" } } (bar("teacher", teacher)) (bar("student", student)) }
                    }
                }
            }
            details.texts {
                summary { "The answers in full" }
                @if short != prompt { p.who { "Prompt" } (full(&case.prompt)) }
                @for class in &case.classes {
                    @for (who, text) in [("teacher", &class.teacher_text), ("student", &class.student_text)] {
                        @if let Some(text) = text {
                            p class={ "who " (who) } { (if who == "teacher" { "Teacher" } else { "Student" }) ": " (label(class)) }
                            (full(text))
                        }
                    }
                }
            }
        }
    }
}

fn row(class: &AnswerClass) -> Markup {
    html! {
        tr.true[class.right == Some(true)] {
            th scope="row" {
                (label(class))
                @if class.right == Some(true) { " " span.right { "✓ right" } }
            }
            (bar("teacher", class.teacher))
            (bar("student", class.student))
        }
    }
}

/// What the answers of a class have in common.
fn label(class: &AnswerClass) -> Markup {
    match &class.label {
        Some(label) => html! { bdi.foreign { (cut(&visible(label), LABEL)) } },
        None => html! { em { "no answer" } },
    }
}

/// A whole text of a model, line by line.
fn full(text: &str) -> Markup {
    html! {
        p.full dir="auto" {
            @if text.is_empty() { em { "empty" } }
            @for (at, line) in text.lines().enumerate() { @if at > 0 { br; } (visible(line)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expect: (i32, i32)) {
        let scale = Doublings::covering(values.iter().copied());
        assert_eq!((scale.low, scale.high), expect, "{values:?}");
    }

    #[test]
    fn a_scale_of_ratios_has_one_in_its_middle() {
        check(&[1.0], (-1, 1));
        check(&[0.3, 0.7], (-2, 1));
        check(&[-0.1, 0.0, 1e-9, 1e9], (-5, 5));
        let scale = Doublings::covering([1.0]);
        assert_eq!([4.0, 2.0, 1.0, 0.5, 0.0].map(|v| scale.at(v)), [0.0, 0.0, 50.0, 100.0, 100.0]);
    }
}
