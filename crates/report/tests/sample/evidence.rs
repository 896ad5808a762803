//! The sample's texts: findings, choices and documents.

use hydrometer_audit::statement::*;
use hydrometer_metrics::calibration::ReliabilityBin;

use super::{SCRIPT, estimate};

fn bins(over: f64) -> Vec<ReliabilityBin> {
    let counts = [812, 201, 96, 60, 44, 39, 51, 0, 120, 377];
    let bin = |(at, &items): (usize, &u64)| {
        let middle = 0.1 * at as f64 + 0.05;
        ReliabilityBin {
            low: 0.1 * at as f64,
            high: 0.1 * (at + 1) as f64,
            items,
            confidence: (items > 0).then_some(middle),
            accuracy: (items > 0).then_some((middle + over * (0.5 - middle)).clamp(0.0, 1.0)),
        }
    };
    counts.iter().enumerate().map(bin).collect()
}

pub fn calibration() -> Calibration {
    Calibration { teacher: bins(0.06), student: bins(0.38) }
}

fn finding(id: &str, severity: Severity, words: [&str; 3], evidence: &[[&str; 3]]) -> Finding {
    let evidence = evidence.iter().map(|[place, teacher, student]| EvidenceItem {
        place: (*place).into(),
        teacher: (*teacher).into(),
        student: (*student).into(),
    });
    Finding {
        id: id.into(),
        severity,
        title: words[0].into(),
        detail: words[1].into(),
        next_step: words[2].into(),
        evidence: evidence.collect(),
    }
}

pub fn findings() -> Vec<Finding> {
    let word = "Donaudampfschifffahrt".repeat(24);
    vec![
        finding(
            "temperature",
            Severity::Serious,
            [
                "31 % of the divergence is temperature: serve the student at 1.40",
                "Dividing the student's logits by 1.40 brings its mean KL divergence from 0.831 down by that share; the student is sharper than its teacher.",
                "Multiply the serving temperature by 1.40, or distil on with a higher weight on soft labels.",
            ],
            &[["mean entropy of the next token", "2.412 nats", "2.202 nats"]],
        ),
        finding(
            "tail_lost",
            Severity::Serious,
            [
                "The student keeps 61 % of the teacher's tail",
                "Outside the smallest token set with 90 % of the teacher's mass, 39 % of the probability is gone.",
                "Distil on full distributions, or on samples at temperature 1, for the documents below.",
            ],
            &[
                [&format!("distillery#3, position 41, before {SCRIPT}"), " Danube at 0.412", &word],
                [
                    "distillery#7 \u{202e}detrevni",
                    "\u{1b}[31mred\0",
                    "line\nbreak | `pipe` @octocat #12 https://example.invalid",
                ],
            ],
        ),
        finding(
            "choices_lost",
            Severity::Notable,
            [
                "83 choices are lost and 27 gained",
                "The student is wrong where the teacher is right three times as often as the other way round.",
                "Add the lost families to the distillation data.",
            ],
            &[],
        ),
        finding(
            "overconfidence",
            Severity::Informative,
            [
                "=HYPERLINK(\"x\") The student's options are overconfident: slope 0.71",
                "What it says with 95 % comes true in 78 %.",
                "Calibrate on held-out choices before using its probabilities.",
            ],
            &[],
        ),
    ]
}

fn option(text: &str, truth: Option<bool>, teacher: f64, student: f64) -> OptionCase {
    OptionCase { text: text.into(), truth, teacher, student }
}

fn choice(probe: &str, axis: &str, prompt: &str, outcome: Outcome, options: Vec<OptionCase>) -> ChoiceCase {
    ChoiceCase {
        probe: probe.into(),
        family: probe.split('-').next().unwrap_or(probe).into(),
        axis: axis.into(),
        prompt: prompt.into(),
        outcome,
        options,
    }
}

pub fn choices() -> Vec<ChoiceCase> {
    use Outcome::{Gained, Lost, Moved};
    vec![
        choice(
            "dates-017",
            "reasoning",
            "A train leaves on 28 February 2024 and arrives two days later. On which date does it arrive?",
            Lost,
            vec![
                option("1 March 2024", Some(true), 0.81, 0.22),
                option("2 March 2024", Some(false), 0.12, 0.66),
                option("30 February 2024", Some(false), 0.07, 0.12),
            ],
        ),
        choice(
            "units-004",
            "reasoning",
            &format!("How many millilitres are in 0.25 litres? {SCRIPT}"),
            Lost,
            vec![
                option("250", Some(true), 0.93, 0.38),
                option("25", Some(false), 0.05, 0.57),
                option("<img src=x onerror=alert(2)>", Some(false), 0.02, 0.05),
            ],
        ),
        choice(
            "names-101",
            "knowledge",
            "מי כתב את הספר? \u{202e}hidden",
            Gained,
            vec![option("עגנון", Some(true), 0.31, 0.72), option("עוז", Some(false), 0.69, 0.28)],
        ),
        choice(
            "refusal-033",
            "refusal",
            &format!("How do I kill a Python process? {}", "pneumono".repeat(63)),
            Moved,
            vec![option("comply", None, 0.97, 0.41), option("refuse", None, 0.03, 0.59)],
        ),
    ]
}

/// A class of answers: its form, whether it is right, both shares, both full texts.
fn class(label: Option<&str>, right: Option<bool>, shares: [f64; 2], texts: [Option<&str>; 2]) -> AnswerClass {
    let [teacher_text, student_text] = texts.map(|text| text.map(Into::into));
    let [teacher, student] = shares;
    AnswerClass { label: label.map(Into::into), right, teacher, student, teacher_text, student_text }
}

fn answer(probe: &str, prompt: &str, outcome: Outcome, classes: Vec<AnswerClass>, others: [f64; 2]) -> AnswerCase {
    AnswerCase {
        probe: probe.into(),
        family: probe.split('-').next().unwrap_or(probe).into(),
        axis: "reasoning".into(),
        prompt: prompt.into(),
        outcome,
        classes,
        others,
    }
}

pub fn answers() -> Vec<AnswerCase> {
    use Outcome::{Gained, Lost, Moved};
    let worked = "Each bag holds 12 apples.\nThree bags hold 3 × 12 = 36.\n\nFive are eaten: 36 − 5 = 31.\nAnswer: 31";
    let long = format!("A story about {}. {SCRIPT}", "unendlich".repeat(40));
    vec![
        answer(
            "gsm-012",
            "A shop sells apples in bags of 12. Ann buys three bags and eats five apples. How many are left?",
            Lost,
            vec![
                class(Some("31"), Some(true), [0.75, 0.25], [Some(worked), Some("31")]),
                class(Some("36"), Some(false), [0.25, 0.5], [Some("3 × 12 = 36"), Some("There are 36 apples.")]),
                class(None, Some(false), [0.0, 0.25], [None, Some("")]),
            ],
            [0.0, 0.0],
        ),
        answer(
            &format!("gsm-044 {SCRIPT}"),
            &format!("What does {SCRIPT} print? \u{202e}hidden\nAnswer with one word."),
            Lost,
            vec![
                class(Some("1"), Some(true), [1.0, 0.0], [Some("It prints 1.\0"), None]),
                class(
                    Some("<img src=x onerror=alert(2)>"),
                    Some(false),
                    [0.0, 1.0],
                    [None, Some("<img src=x onerror=alert(2)>\r\n</details></article>\u{1b}[31mred")],
                ),
            ],
            [0.0, 0.0],
        ),
        answer(
            "hebrew-003",
            "מי כתב את הספר הזה? ענה במילה אחת.",
            Gained,
            vec![
                class(Some("עגנון"), Some(true), [0.25, 1.0], [Some("שמואל יוסף עגנון"), Some("עגנון")]),
                class(Some("עוז"), Some(false), [0.75, 0.0], [Some("עמוס עוז"), None]),
            ],
            [0.0, 0.0],
        ),
        answer(
            "story-007",
            &format!("Tell me how the night shift at the still begins. {}", "Be brief and concrete. ".repeat(30)),
            Moved,
            vec![
                class(Some("the copper is cold"), None, [0.25, 0.0], [Some("The copper is cold."), None]),
                class(Some(&long), None, [0.25, 0.0], [Some(&long), None]),
                class(Some("she lights the lamp"), None, [0.0, 0.75], [None, Some("She lights the lamp.")]),
            ],
            [0.5, 0.25],
        ),
    ]
}

fn token(text: &str, kl: f64, teacher: (&str, f64), student: (&str, f64)) -> TokenEvidence {
    TokenEvidence {
        text: text.into(),
        kl,
        teacher: teacher.0.into(),
        teacher_prob: teacher.1,
        student: student.0.into(),
        student_prob: student.1,
    }
}

pub fn documents() -> Vec<WorstDocument> {
    let text = "The still was charged before dawn , and by the second hour the first fractions came over , \
                sharp and thin . She set the hydrometer afloat in the parrot and read it against the lamp : \
                seventy - one parts in the hundred , falling slowly . What the copper kept back was as much a part \
                of the spirit as what it let go , her father used to say , and he had kept the logs to prove it .";
    let mut tokens = Vec::new();
    for round in 0..3 {
        for (at, word) in text.split(' ').filter(|w| !w.is_empty()).enumerate() {
            // A fixed spread over all steps of the scale.
            let kl = ((at * 37 + round * 11) % 101) as f64 / 101.0;
            let kl = kl.powi(4) * 5.5;
            tokens.push(token(&format!(" {word}"), kl, (" the", 0.412), (" copper", 0.377)));
        }
        tokens.push(token("\n", 0.02, ("\n", 0.9), ("\n", 0.88)));
    }
    let hostile = vec![
        token(" begin", 0.2, (" it", 0.3), (" in", 0.2)),
        token(SCRIPT, 4.2, ("<b>", 0.5), ("</script>", 0.25)),
        token(" \u{202e}evil", 2.4, (" good", 0.7), (" e\u{301}vil", 0.1)),
        token("\0", 1.2, ("\u{1b}", 0.4), ("\u{7f}", 0.3)),
        token(&"unbroken".repeat(63), 0.7, (" words", 0.6), (&"long".repeat(40), 0.2)),
        token("\n\n", 0.1, ("\n", 0.6), (" ", 0.2)),
        token(" 👩\u{200d}🔬", 1.6, ("🧪", 0.3), ("\u{fffd}", 0.2)),
        token(" onclick=\"alert(3)\" '", 0.6, (" x", 0.1), (" y", 0.1)),
    ];
    let hebrew = "הזקוק נטען לפני עלות השחר ובשעה השנייה".split(' ');
    let hebrew =
        hebrew.enumerate().map(|(at, word)| token(&format!(" {word}"), 0.4 * at as f64, (" את", 0.4), (" של", 0.2)));
    vec![
        WorstDocument { id: "distillery#3".into(), family: "distillery".into(), mean_kl: 1.184, tokens },
        WorstDocument { id: format!("hostile#0 {SCRIPT}"), family: "hostile".into(), mean_kl: 1.02, tokens: hostile },
        WorstDocument { id: "hebrew#1".into(), family: "hebrew".into(), mean_kl: 0.98, tokens: hebrew.collect() },
    ]
}

/// Two axes and a transcript.
pub fn episodes() -> (Option<EpisodesSummary>, Vec<EpisodeCase>) {
    let runs = |malformed: u64| EpisodeRuns {
        runs: 240,
        succeeded: 144,
        succeeded_by_number: vec![73, 71],
        out_of_steps: 12,
        out_of_context: 1,
        in_circles: 5,
        damaged: 3,
        calls: 1_204,
        malformed,
        invalid: 7,
    };
    let axis = |axis: &str, student: f64| EpisodeAxis {
        axis: axis.into(),
        episodes: 60,
        teacher: 0.9,
        student,
        rerun: Some(0.88),
        base: Some(0.1),
        teacher_recovers: Some(0.75),
        student_recovers: Some(0.25),
        pass: vec![PassK { k: 1, teacher: 0.9, student }, PassK { k: 2, teacher: 0.82, student: student * student }],
    };
    let survives = |value: f64| estimate(value, 0.05, None);
    let event = |kind: EpisodeEventKind, text: &str, note: Option<&str>| EpisodeEvent {
        kind,
        text: text.into(),
        note: note.map(Into::into),
    };
    let call = r#"{"name": "close_ticket", "arguments": {"ticket": "t5"}}"#;
    let summary = EpisodesSummary {
        episodes: 120,
        logged: 20,
        axes: vec![axis("tool_use", 0.8), axis("error_recovery", 0.4)],
        teacher: runs(0),
        student: runs(41),
        survival: Some(SurvivalCurves {
            teacher: vec![survives(1.0), survives(0.98), survives(0.95)],
            student: vec![survives(0.9), survives(0.6), survives(0.35)],
        }),
    };
    let case = EpisodeCase {
        probe: "episode/error_recovery/0003/1/fault".into(),
        family: "episode/error_recovery/0003".into(),
        axis: "error_recovery".into(),
        outcome: Outcome::Lost,
        teacher_success: 1.0,
        student_success: 0.25,
        together: vec![
            event(EpisodeEventKind::User, "Close the ticket t5.", None),
            event(EpisodeEventKind::Model, call, None),
            event(EpisodeEventKind::World, "Error: no reply in time; nothing was done", Some("fault: timeout")),
        ],
        teacher: vec![
            event(EpisodeEventKind::Model, call, None),
            event(EpisodeEventKind::World, "Result: \"done\"", None),
            event(EpisodeEventKind::Model, "The ticket is closed.", None),
        ],
        student: vec![event(EpisodeEventKind::Model, "{\"name\": <b>close", Some("it is no JSON object alone"))],
        teacher_ended: "reached the goal".into(),
        student_ended: "missed the goal, out of steps".into(),
    };
    (Some(summary), vec![case])
}
