//! The method notes of a statement: what is particular to its run.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{
    BoundedRow, DeployedOn, DifferentPrompts, ExcludedItem, GIVEN_MARK, NotCompared, Regime, SetKnob, SetKnobs,
    TrainedOn, TrainedToBy, WindowOrder,
};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_probes::families::SameContent;
use hydrometer_probes::kind::Families;
use hydrometer_probes::{Ask, Decoding};

use crate::Policy;
use crate::evidence::{Listed, Rows};
use crate::kind::tokens::outside;
use crate::statement::{CalibrationUsed, Deciding, Gate, Metric, Reservation, ReservationKind};
use crate::verdict::gate::left_out;

/// What a calibration is to this run.
pub(super) fn of_calibration(used: &CalibrationUsed) -> String {
    let CalibrationUsed { setup, accepted, other_teacher, nulls } = used;
    let whose = match other_teacher {
        Some(other) => format!("made with another teacher, {other}: with this one other doses may be found"),
        None => "made with this teacher".to_owned(),
    };
    let held = if *accepted { "its figures of acceptance hold" } else { "not all of its figures of acceptance hold" };
    format!(
        "What would have been caught was measured by a calibration of this suite ({setup}), {whose}; {held}. The teacher was \
         audited against itself {}.",
        counted(*nulls, "time")
    )
}

/// What a reader of this run's numbers must know, as sentences.
pub(super) fn notes(
    rows: &Rows,
    policy: &Policy,
    metrics: &[Metric],
    gates: &[Gate],
    deciding: Option<&Deciding>,
) -> Vec<String> {
    let manifest = &rows.manifest;
    let mut notes = Vec::new();
    if rows.probes.iter().any(|probe| probe.boundary.is_some()) {
        notes.push(
            "Only what is asked is seen: traits that no probe asks for can pass from teacher to student unnoticed here \
             (arXiv:2606.22019)."
                .to_owned(),
        );
    }
    if rows.manifest.regime() == Regime::GivenAnswers {
        notes.push(
            "The answers were given, no model was asked: they are as good as the files they came from.".to_owned(),
        );
        if rows.samples.iter().any(|row| row.outcome.right().is_some()) {
            notes.push("Where no checker can judge an answer, the verdict of its file counts.".to_owned());
        }
        let logged = rows.probes.iter().filter(|probe| matches!(probe.ask, Ask::Trajectory(_))).count();
        if logged > 0 {
            notes.push(format!(
                "{} carried out elsewhere and cannot be played again here: whether a run succeeded is the word of its log, the \
                 reward. What the teacher scores against itself is the first half of its runs against the second.",
                if logged == 1 { "One task was".to_owned() } else { format!("{} tasks were", grouped(logged as u64)) }
            ));
        }
        // Runs of earlier versions have the verdict within the answer.
        if rows.samples.iter().any(|row| row.text.contains(GIVEN_MARK)) {
            notes.push(format!(
                "Where no checker can judge an answer, the file's own label and verdict count: they stand behind \
                 `{GIVEN_MARK}` at the end of the answer."
            ));
        }
    }
    if let Some(given) = &rows.manifest.settings.given {
        notes.extend(given.choices.iter().map(|choice| format!("Of what the files have: {choice}.")));
        notes.extend(given.different_prompts.as_ref().map(|different| {
            let DifferentPrompts { prompts, first, at, teacher, student } = different;
            format!(
                "The two models were asked in different words on {} of {}, so nothing is judged. First on {first}{}: \
                 the teacher {teacher:?}, the student {student:?}.",
                grouped(*prompts),
                counted(rows.probes.len() as u64, "prompt"),
                at_byte(*at)
            )
        }));
        notes.extend(given.not_compared.map(not_compared));
    }
    if let Some(DifferentPrompts { prompts, first, at, teacher, student }) = &manifest.settings.rendered_differently {
        notes.push(format!(
            "Each model was asked by its own chat template, and the two read different texts on {}: what differs between \
             the texts is part of what was measured. First on {first}{}: the teacher {teacher:?}, the student {student:?}.",
            counted(*prompts, "prompt"),
            at_byte(*at)
        ));
    }
    notes.extend(excluded(manifest.excluded.as_deref().unwrap_or_default(), rows.probes.len()));
    if !manifest.settings.accepted.is_empty() {
        notes.push(format!(
            "Before anything was asked, the audit was told to go on although these checks of an endpoint may fail: {} \
             (`--accept`). What a failed check makes wrong is in the numbers.",
            manifest.settings.accepted.join(", ")
        ));
    }
    notes.extend(manifest.settings.trained_on.as_ref().map(distances));
    notes.extend(manifest.settings.set_knobs.as_ref().and_then(|set| knobs(set, &manifest.settings.trained_to_by)));
    notes.extend(manifest.settings.deployed_on.as_ref().map(deployed_on));
    if manifest.shared_vocab.is_some() && manifest.pairing != "same vocabulary" {
        notes.push(format!("How the vocabularies relate: {}.", manifest.pairing));
    }
    notes.extend(outside(rows));
    notes.extend(same_content(&rows.same_content));
    notes.extend(parts_of_one_text(rows));
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for id in left_out(policy, gates) {
        let metric = metrics.iter().find(|metric| metric.id == id);
        let reservation = metric.and_then(|metric| metric.reservation.as_ref());
        let reason = reservation.map_or("this run does not measure it", |reservation| &reservation.reason);
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((reason, vec![id])),
        }
    }
    notes.extend(reasons.iter().map(|(reason, ids)| format!("Left out of the gates, {reason}: {}.", ids.join(", "))));
    let served = |metric: &&Metric| {
        let served = metric.reservation.as_ref().filter(|found| found.kind == ReservationKind::AsServed);
        metric.estimate.is_some() && served.is_some()
    };
    let served: Vec<&Metric> = metrics.iter().filter(served).collect();
    if let Some(Reservation { reason, .. }) = served.first().and_then(|metric| metric.reservation.as_ref()) {
        let ids: Vec<&str> = served.iter().map(|metric| metric.id.as_str()).collect();
        notes.push(format!(
            "Shown for the answers as they were served, and judged by no gate: {reason}: {}.",
            ids.join(", ")
        ));
    }
    if let Some(Deciding { teacher_tokens, teacher_answers, .. }) = deciding {
        notes.push(format!(
            "This run asked its families in random order and stopped by the evidence of its gates. Their verdicts are \
             valid however often one looks, each with the error rate of the policy; estimates and intervals describe \
             what was asked, and are not valid tests after such a stop. Of the whole suite's cost for the teacher, {} \
             tokens were spent and {} saved, {} answers spent and {} saved.",
            grouped(teacher_tokens.spent),
            grouped(teacher_tokens.saved),
            grouped(teacher_answers.spent),
            grouped(teacher_answers.saved)
        ));
    }
    notes.extend(student_alone(metrics));
    // A window of an answer is its number.
    let of_texts = manifest.settings.listed_answers.is_none();
    if rows.positions.iter().any(|row| row.compat) || (of_texts && rows.scored().any(|row| row.window > 0)) {
        notes.push(format!(
            "Texts longer than {} tokens were cut into disjoint windows of that length and scored in their second \
             half, as llama.cpp does.",
            rows.manifest.settings.n_ctx
        ));
    }
    let settings = &manifest.settings;
    if settings.max_windows.is_some()
        && settings.window_order == WindowOrder::Spread
        && rows.positions.iter().any(|row| row.compat)
    {
        notes.push(
            "The windows are spread over the texts: llama.cpp, which takes the first ones, gives other numbers than the block \
             in its manner. Audit with --llama-order to compare with it."
                .to_owned(),
        );
    }
    if let Some(Codec { truncation, .. }) = rows.cache() {
        notes.push(format!(
            "The teacher did not run: its distributions came from a cache that keeps at least {} and at most {} of the most \
             probable tokens of each position, up to a mass of {}, and {} draws from the others. Intervals contain the \
             chance of these draws. The noise floor, choices and free answers need the teacher itself, percentiles over \
             positions too: single estimates spread more than what they estimate.",
            truncation.k_min, truncation.k_max, truncation.mass, truncation.draws
        ));
    } else if manifest.regime() == Regime::ShownDistributions {
        notes.push(
            "The teacher's server showed the most probable tokens of each position, at least 0.9 of the mass, and one token drawn \
             from all of the distribution. Intervals contain the chance of these draws. The noise floor on tokens was not \
             measured, percentiles over positions are left out: single estimates spread more than what they estimate. Numbers \
             on answers are of regime R4."
                .to_owned(),
        );
    } else if let Some(words) = listed_answers(rows) {
        notes.push(words);
    } else if let Some([teacher, student]) = unlisted(rows) {
        notes.push(format!(
            "Both models stand behind servers, which listed their most probable tokens at each position and said how probable the \
             text's own token is. On average {:.1e} of the teacher's mass and {:.1e} of the student's is beyond the lists. Perplexity, \
             bits per byte and the most probable token are exact; of divergences, overlap, tail and entropy there are a lower and an \
             upper bound, and no estimates: neither bound is a value. A gate passes or fails where all that the number may be does. \
             The noise floor on tokens was not measured. Numbers on answers are of regime R4.",
            teacher, student
        ));
    } else if let Some(bound) = kl_at_least(rows) {
        notes.push(format!(
            "The student's server showed the most probable tokens of each position, at least 0.9 of its mass, and one token drawn from \
             all of its distribution. Intervals contain the chance of these draws. The mean KL divergence is at least {bound:.4} \
             nats: that is KL with all tokens that are not listed as one, and no estimate of it. The noise floor on tokens was not \
             measured, percentiles over positions are left out. Numbers on answers are of regime R4."
        ));
    } else if rows.floor.is_empty() && rows.scored_positions() > 0 {
        notes.push("The noise floor was not measured: no window was scored twice.".to_owned());
    }
    notes
}

/// Where numbers on tokens come from, and what of the listed answers is in none; `None` where no answers were to be listed.
fn listed_answers(rows: &Rows) -> Option<String> {
    let each = u64::from(rows.manifest.settings.listed_answers?);
    let excluded = rows.manifest.excluded.as_deref().unwrap_or_default();
    let is_asked = |id: &str| !excluded.iter().any(|item| item.probe == id);
    let drawn = rows.probes.iter().filter(|probe| probe.decoding() == Some(Decoding::Sampled));
    let prompts = drawn.filter(|probe| matches!(probe.ask, Ask::Prompt(_)) && is_asked(&probe.id)).count() as u64;
    let Listed { answers, tokens } = rows.listed;
    let (scored, asked) = (rows.bounded.len() as u64, each * prompts);
    let beyond = unlisted(rows).map_or(0.0, |[teacher, _]| teacher);
    Some(format!(
        "Numbers on tokens are of regime R2: of answers that the teacher drew, {each} to each prompt, its server listed the most probable \
         tokens at every place, and the student scored the same tokens behind the prompt as its own template has it. They are means over \
         {} of {}, behind tokens that are the student's own: the rest of {}, and {} of which no token was known, are in no number. On \
         average {beyond:.1e} of the teacher's mass is beyond the lists. The most probable token is exact; of divergences, overlap, tail \
         and entropy there are a lower and an upper bound, and no estimates: neither bound is a value. A gate passes or fails where all \
         that the number may be does. The noise floor on tokens was not measured. Numbers on answers are of regime R4.",
        counted(scored, "position"),
        counted(tokens, "token"),
        counted(answers, "answer"),
        counted(asked.saturating_sub(answers), "answer"),
    ))
}

/// What teacher and student have beyond the lists of their servers, averaged over positions; `None` where not both stand behind one.
fn unlisted(rows: &Rows) -> Option<[f64; 2]> {
    let n = rows.bounded.len() as f64;
    let mean = |of: fn(&BoundedRow) -> f32| rows.bounded.iter().map(|row| f64::from(of(row))).sum::<f64>() / n;
    (n > 0.0).then(|| [mean(|row| row.stats.teacher_unlisted), mean(|row| row.stats.student_unlisted)])
}

/// What the mean KL divergence is at least, in nats, where the student's server shows a part of its distributions.
fn kl_at_least(rows: &Rows) -> Option<f64> {
    let sum: f64 = rows.shown.iter().map(|row| f64::from(row.stats.kl_at_least)).sum();
    (!rows.shown.is_empty()).then(|| (sum / rows.shown.len() as f64).max(0.0))
}

/// From what distances are measured, and how.
fn distances(set: &TrainedOn) -> String {
    let TrainedOn { files, rows, held_out, hash, embedder, k, unit } = set;
    let held_out = match held_out < rows {
        true => format!("{} of its prompts (those of the least hashes)", grouped(*held_out)),
        false => "its prompts".to_owned(),
    };
    format!(
        "Curves by distance are measured from the distillation set {} ({}, {hash}) in the embedding `{}` ({}): a probe's \
         distance is the mean cosine distance to the {k} nearest of all its prompts, and {unit:.3} of it, within which 95 % of \
         {held_out} lie, each held out by itself, is radius 1.",
        files.join(" + "),
        counted(*rows, "prompt"),
        embedder.name,
        embedder.version
    )
}

/// Which knobs are counted from what the distillation set carries.
fn knobs(set: &SetKnobs, by: &BTreeMap<String, TrainedToBy>) -> Option<String> {
    let SetKnobs { files, rows, hash, knobs } = set;
    let counts = |name: &&String| by.get(*name) == Some(&TrainedToBy::DistillationSet);
    let used = knobs.iter().filter(|(name, _)| counts(name));
    let used: Vec<String> = used
        .map(|(name, SetKnob { prompts, trained_to })| {
            format!("{name}={trained_to}, of {} that carry it", counted(*prompts, "prompt"))
        })
        .collect();
    (!used.is_empty()).then(|| {
        format!(
            "What counts as radius 1 was taken from the distillation set {} ({}, {hash}): {}. It is the least value beyond which \
             no more than 5 % of them lie.",
            files.join(" + "),
            counted(*rows, "prompt"),
            used.join("; ")
        )
    })
}

/// What the files of one model have and those of the other do not.
fn not_compared(found: NotCompared) -> String {
    let NotCompared { teacher_alone, student_alone, unusable_of_student, unjudged_of_student, short_of_student } =
        found;
    let counts = [
        (teacher_alone, "that the teacher alone answered"),
        (student_alone, "that the student alone answered"),
        (unusable_of_student, "to which the student's answer cannot be compared"),
        (unjudged_of_student, "judged for the teacher and not for the student"),
        (short_of_student, "altogether that the student answered less often than others"),
    ];
    let said = counts.into_iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = said.map(|(count, what)| format!("{} {what}", counted(count, "question"))).collect();
    format!("Not compared, for want of one model's answers: {}.", said.join(", "))
}

/// Where two texts differ, as a fragment.
fn at_byte(at: Option<u64>) -> String {
    at.map_or_else(String::new, |at| format!(", at byte {at}"))
}

/// What of the suite could not be asked.
fn excluded(excluded: &[ExcludedItem], probes: usize) -> Option<String> {
    const NAMED: usize = 3;
    let named: Vec<_> = excluded.iter().take(NAMED).map(|item| format!("{}: {}", item.probe, item.reason)).collect();
    let more = if excluded.len() > NAMED { "; …" } else { "" };
    (!excluded.is_empty()).then(|| {
        format!(
            "{} of {} could not be asked and are in no number. {}{more}.",
            grouped(excluded.len() as u64),
            counted(probes as u64, "item"),
            named.join("; ")
        )
    })
}

/// The probability on entries that stand for no token of both models; `None` when there is none.
fn outside(rows: &Rows) -> Option<String> {
    let [teacher, student] = outside::masses(&rows.positions)?;
    (teacher.largest > 0.0 || student.largest > 0.0).then(|| {
        format!(
            "Probability outside of the tokens that both models have (padding rows, and special tokens of one of them): the \
             teacher's {:.1e} on average and {:.1e} at most, the student's {:.1e} and {:.1e}.",
            teacher.mean, teacher.largest, student.mean, student.largest
        )
    })
}

/// Which families ask the same as another, and so are none of their own.
fn same_content(same: &SameContent) -> Option<String> {
    const NAMED: usize = 3;
    let kept = same.kept();
    let named: Vec<_> =
        kept.iter().take(NAMED).map(|(family, others)| format!("{family} ({} in all)", others + 1)).collect();
    let more = if kept.len() > NAMED { ", …" } else { "" };
    (!kept.is_empty()).then(|| {
        format!(
            "Families with the same text or question under several names count as one, or the same answer would count \
             several times: {} left out, {}{more}.",
            counted(same.merged() as u64, "name"),
            named.join(", ")
        )
    })
}

/// Texts whose windows or sections count as families although they are parts of one text.
fn parts_of_one_text(rows: &Rows) -> Option<String> {
    let texts = rows.probes.iter().filter_map(|probe| match &probe.ask {
        Ask::Text(text) => Some((probe, text.families)),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    let [(probe, rule)] = texts[..] else { return None };
    let parts = match rule {
        Families::Probe => return None,
        Families::Window => "windows",
        Families::Heading => "sections",
    };
    let families: BTreeSet<&str> = rows.likelihoods.iter().map(|row| row.family.as_str()).collect();
    (!families.is_empty()).then(|| {
        format!(
            "All texts are parts of one, `{}`: its {parts} count as {}. Intervals of text numbers say what other {parts} of \
             it would show, not other texts: ask several documents for that.",
            probe.id,
            counted(families.len() as u64, "family")
        )
    })
}

/// What the prompts that only the student answered were worth.
fn student_alone(metrics: &[Metric]) -> Option<String> {
    let estimates = metrics.iter().filter_map(|metric| metric.estimate.as_ref());
    let helped: Vec<_> = estimates.filter_map(|e| Some((e.n_families, e.student_alone?))).collect();
    let families = helped.iter().map(|(_, alone)| alone.families).max()?;
    let gains = || helped.iter().map(|(asked, alone)| alone.worth / *asked as f64);
    let (least, most) = (gains().fold(f64::INFINITY, f64::min), gains().fold(0.0, f64::max));
    Some(format!(
        "The prompts of {} were answered by the student alone (PPI++). With their help the families \
         that the teacher was asked about count {least:.2} to {most:.2} times, depending on the number; intervals of \
         answer numbers include it.",
        counted(families, "family")
    ))
}

/// Which prompts say where the student is used.
fn deployed_on(prompts: &DeployedOn) -> String {
    let DeployedOn { files, rows, placed, hash } = prompts;
    let part = if placed < rows {
        format!(", of which the {} with the least hashes were placed", grouped(*placed))
    } else {
        String::new()
    };
    format!(
        "Where the student is used was taken from {} ({}, {hash}{part}): their distances from the distillation set are the shares \
         of the rings, taken as they are.",
        files.join(" + "),
        counted(*rows, "prompt")
    )
}
