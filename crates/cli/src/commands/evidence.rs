//! What the evidence of a run will be, said before anything is asked where it is not everything.

use hydrometer_answers::{Facet, Regime};
use hydrometer_ask::{Models, Plan};
use hydrometer_models::Scorer;
use hydrometer_probes::Ask;
use hydrometer_probes::counted::counted;

/// What a run in regime R1 says of tokens, and what it does not.
const OF_PARTS: &str = "Said of tokens: KL and Jensen–Shannon divergence, overlap, tail kept and invented, temperature, entropy, top-1 \
                        agreement, the student's bits per byte. Not said: reverse KL, the teacher's bits per byte and perplexity, \
                        percentiles over positions, forks, the noise floor, numbers in llama.cpp's manner";
/// The same where the student is who shows a part.
const OF_PARTS_OF_STUDENT: &str = "Said of tokens: reverse KL and Jensen–Shannon divergence, overlap, tail kept and invented, forks, entropy, \
                                   top-1 agreement, the teacher's bits per byte, and what KL is at least. Not said: KL itself, \
                                   temperature, the student's bits per byte and perplexity, percentiles over positions, the noise floor, \
                                   numbers in llama.cpp's manner";

/// The same where both show a part.
const OF_BOTH: &str = "Said of tokens: top-1 agreement, perplexity ratio and bits per byte, exactly; KL, reverse KL and Jensen–Shannon \
                       divergence, overlap, tail kept and invented, entropy ratio, between a lower and an upper bound. Not said: \
                       temperature, forks, percentiles over positions, the noise floor, numbers in llama.cpp's manner";

/// The same along answers that the teacher's server lists.
const OF_ANSWERS: &str = "Said of tokens, along the teacher's answers: top-1 agreement, exactly; KL, reverse KL and Jensen–Shannon \
                          divergence, overlap, tail kept and invented, entropy ratio, between a lower and an upper bound. Not said: \
                          perplexity ratio and bits per byte of texts, temperature, forks, percentiles over positions, the noise floor, \
                          numbers in llama.cpp's manner";

/// The regime of a plan in which a model does not show everything, and what of its suite cannot be measured; `None` for others.
pub fn partial(plan: &Plan<'_>, models: Models<'_>) -> Option<String> {
    let manifest = plan.manifest();
    let in_part = match manifest.regime() {
        Regime::AnswersOnly | Regime::TeacherTexts | Regime::FullLogits => None,
        Regime::ShownDistributions => Some(OF_PARTS),
        Regime::ShownStudent => Some(OF_PARTS_OF_STUDENT),
        Regime::ShownBoth => Some(OF_BOTH),
        Regime::ListedAnswers => Some(OF_ANSWERS),
        _ => return None,
    };
    let lacks = |facet: Facet| {
        let roles = ["teacher", "student"].into_iter();
        roles.filter(move |role| !manifest.facets.get(*role).is_some_and(|has| has.contains(&facet)))
    };
    let left_out = |facet: Facet, kind: &str, is: fn(&Ask) -> bool| {
        let number = plan.suite().probes.iter().filter(|probe| is(&probe.ask)).count() as u64;
        let reasons: Vec<_> = lacks(facet).map(|role| format!("the {role} {facet}")).collect();
        (number > 0 && !reasons.is_empty())
            .then(|| format!("{}, because {}", counted(number, kind), reasons.join(" and ")))
    };
    // Why an endpoint shows no part of its distributions either is worth knowing where that would have served.
    let texts = left_out(Facet::Logits, "text", |ask| matches!(ask, Ask::Text(_)))
        .filter(|_| in_part.is_none() || manifest.regime() == Regime::ListedAnswers);
    let pairs = [(models.teacher, models.student), (models.student, models.teacher)];
    let behind_a_server = pairs.into_iter().find(|(there, here)| there.scores().is_none() && Scorer::of(*here).is_ok());
    let texts = texts.map(|left_out| match behind_a_server.map(|(there, _)| there.shows()) {
        None => format!("{left_out}{}", of_both(models)),
        Some(Err(why)) => format!("{left_out} and no part of its distributions ({why}{})", of_answers(plan, models)),
        Some(Ok(_)) => format!("{left_out} (a part of its distributions is no ground for --until-decided)"),
    });
    let reasons: Vec<String> = [
        texts,
        left_out(Facet::Choices, "choice", |ask| matches!(ask, Ask::Choice(_)))
            .filter(|_| manifest.settings.letters.is_none())
            .map(|left_out| format!("{left_out} (--letters N asks for letters)")),
        left_out(Facet::Answers, "prompt", |ask| matches!(ask, Ask::Prompt(_) | Ask::Episode(_))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if manifest.regime() == Regime::FullLogits && reasons.is_empty() {
        return None;
    }
    let (regime, meaning) = (manifest.regime().id(), manifest.regime().meaning());
    let said = in_part.map_or_else(String::new, |said| format!(". {said}"));
    let reasons = if reasons.is_empty() { String::new() } else { format!(". Not measured: {}", reasons.join("; ")) };
    Some(format!("evidence {regime}: {meaning}{said}{reasons}"))
}

/// What would say something of the teacher's tokens all the same, as the rest of a sentence.
fn of_answers(plan: &Plan<'_>, models: Models<'_>) -> &'static str {
    let asked = plan.manifest().settings.listed_answers.is_some();
    match !asked && models.teacher.letters().is_some() && Scorer::of(models.student).is_ok() {
        true => "; --listed-answers N compares tokens along its answers, where it lists what else was probable there",
        false => "",
    }
}

/// What texts of two models that both stand behind servers lack, as the rest of a sentence; nothing where one of them runs here.
fn of_both(models: Models<'_>) -> String {
    if models.teacher.scores().is_some() || models.student.scores().is_some() {
        return String::new();
    }
    let lists =
        [("teacher", models.teacher), ("student", models.student)].map(|(role, model)| (role, model.lists().err()));
    let lacking: Vec<String> = lists
        .into_iter()
        .filter_map(|(role, why)| Some(format!("the {role} lists no tokens of a text ({})", why?)))
        .collect();
    match lacking.is_empty() {
        false => format!(", and {}", lacking.join(" and ")),
        true if models.tokenizer.is_none() => {
            " (both list tokens of a text: --tokenizer MODEL says how they read it, and compares them by that)"
                .to_owned()
        }
        true => " (lists of tokens are no ground for --until-decided)".to_owned(),
    }
}
