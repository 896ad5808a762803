//! Secondary measures of sampled answers, beside the teacher's second run: described, never gated.
//!
//! They depend on numbers of answers, so all models enter with equal numbers: the first ones to each prompt.

use std::collections::BTreeMap;

use hydrometer_metrics::embedding::{Prdc, TEXT_FEATURES, effective_rank, mauve, prdc, text_features};
use hydrometer_metrics::measure::{self, Of, SECONDARY};
use hydrometer_metrics::style::pieces;
use rayon::prelude::*;

use super::{JudgedSample, Prompt};
use crate::statement::Secondary;

/// Neighbours that reach to the rim of a point's ball.
const NEIGHBOURS: usize = 5;
/// Answers of each model whose features are compared: the work grows with their square.
const POOL: usize = 1000;

/// The first answers of teacher, student and rerun to one prompt, equally many of each; the rerun's only when there is one.
type Equal<'p, 'a> = Vec<&'p [JudgedSample<'a>]>;

/// Every secondary measure; empty without answers of both models.
pub(super) fn secondary(prompts: &[Prompt<'_>], seed: u64) -> Vec<Secondary> {
    let again = prompts.iter().any(|prompt| !prompt.rerun.is_empty());
    let equal: Vec<Equal<'_, '_>> = prompts.iter().filter_map(|prompt| first(prompt, again)).collect();
    if equal.is_empty() {
        return Vec::new();
    }
    let pooled = Pooled::of(&equal, seed);
    let mut means = within(&equal).into_iter();
    let found = SECONDARY.iter().filter_map(|measure| match measure.of {
        Of::Prompt(_) => means.next(),
        Of::Cloud => Some(pooled.measure(measure, &pooled.ranks, "no answer of the student has a text")),
        Of::Clouds => Some(pooled.measure(measure, &pooled.areas, "needs 20 answers of each model")),
        Of::Neighbours(value) => {
            let near: Vec<_> = pooled.near.iter().map(|found| found.as_ref().map(value)).collect();
            Some(pooled.measure(measure, &near, "needs 6 answers of each model"))
        }
    });
    found.collect()
}

fn first<'p, 'a>(prompt: &'p Prompt<'a>, again: bool) -> Option<Equal<'p, 'a>> {
    let models = [&prompt.teacher, &prompt.student, &prompt.rerun];
    let models = &models[..if again { 3 } else { 2 }];
    let count = models.iter().map(|said| said.len()).min().filter(|&count| count > 0)?;
    Some(models.iter().map(|said| &said[..count]).collect())
}

/// One measure from the values of teacher, student and rerun.
fn made(id: &str, values: &[Option<f64>], prompts: usize, answers: usize, needs: &str) -> Secondary {
    let [teacher, student, rerun] = [0, 1, 2].map(|model| values.get(model).copied().flatten());
    let missing = student.is_none().then(|| needs.to_owned());
    Secondary { id: id.to_owned(), student, teacher, rerun, prompts: prompts as u64, answers: answers as u64, missing }
}

/// A measure of one model's answers to one prompt: of their words and their meaning classes.
type OfPrompt = fn(&[Vec<u32>], &[u32]) -> Option<f64>;

/// The measures within a prompt, in their order: means over the prompts that have the number for every model.
fn within(equal: &[Equal<'_, '_>]) -> Vec<Secondary> {
    let measures: Vec<(&str, OfPrompt)> = SECONDARY
        .iter()
        .filter_map(|measure| if let Of::Prompt(value) = measure.of { Some((measure.id, value)) } else { None })
        .collect();
    let several: Vec<_> = equal.iter().filter(|models| models[0].len() > 1).collect();
    let found: Vec<_> = several.par_iter().map(|models| of_prompt(models, &measures)).collect();
    let mean = |(place, (id, _)): (usize, &(&str, OfPrompt))| {
        let mut sums = vec![0.0; equal[0].len()];
        let (mut prompts, mut answers) = (0_u32, 0);
        for (models, values) in several.iter().zip(&found) {
            let values = values.iter().map(|of_model| of_model[place]).collect::<Option<Vec<f64>>>();
            if let Some(values) = values {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                (prompts, answers) = (prompts + 1, answers + models[0].len());
            }
        }
        let means: Vec<_> = sums.iter().map(|sum| (prompts > 0).then(|| sum / f64::from(prompts))).collect();
        let needs = "no prompt has two answers of every model with words enough to compare";
        made(id, &means, prompts as usize, answers, needs)
    };
    measures.iter().enumerate().map(mean).collect()
}

/// The measures of each model's answers to one prompt.
fn of_prompt(models: &Equal<'_, '_>, measures: &[(&str, OfPrompt)]) -> Vec<Vec<Option<f64>>> {
    let mut known = BTreeMap::new();
    let of_model = |said: &&[JudgedSample<'_>]| {
        let words: Vec<_> = said.iter().map(|said| numbered(&said.row.text.to_lowercase(), &mut known)).collect();
        let classes: Vec<_> = said.iter().map(|said| said.class).collect();
        measures.iter().map(|(_, value)| value(&words, &classes)).collect()
    };
    models.iter().map(of_model).collect()
}

/// Words and marks of a text as numbers, equal ones the same: n-grams of numbers compare faster.
fn numbered(text: &str, known: &mut BTreeMap<String, u32>) -> Vec<u32> {
    let words = pieces(text).filter(|piece| !piece.starts_with(char::is_whitespace));
    words
        .map(|word| {
            let next = known.len() as u32;
            *known.entry(word.to_owned()).or_insert(next)
        })
        .collect()
}

/// All answers of a model together, by features of their texts; in the order teacher, student, rerun.
struct Pooled {
    prompts: usize,
    answers: usize,
    ranks: Vec<Option<f64>>,
    areas: Vec<Option<f64>>,
    near: Vec<Option<Prdc>>,
}

impl Pooled {
    fn of(equal: &[Equal<'_, '_>], seed: u64) -> Self {
        let all: usize = equal.iter().map(|models| models[0].len()).sum();
        // Whole prompts, evenly spread over the suite.
        let used: Vec<&Equal<'_, '_>> = equal.iter().step_by(all.div_ceil(POOL)).collect();
        let clouds: Vec<Vec<[f64; TEXT_FEATURES]>> = (0..equal[0].len())
            .into_par_iter()
            .map(|model| {
                used.iter().flat_map(|models| models[model]).map(|said| text_features(&said.row.text)).collect()
            })
            .collect();
        let ranks = clouds.par_iter().map(|cloud| effective_rank(cloud)).collect();
        // The teacher has no number of its own: the others are measured against it.
        let (mut areas, mut near) = (vec![None], vec![None]);
        let against: Vec<_> = clouds[1..]
            .par_iter()
            .map(|cloud| rayon::join(|| mauve(&clouds[0], cloud, seed), || prdc(&clouds[0], cloud, NEIGHBOURS)))
            .collect();
        for (area, neighbours) in against {
            areas.push(area);
            near.push(neighbours);
        }
        Self { prompts: used.len(), answers: clouds[0].len(), ranks, areas, near }
    }

    fn measure(&self, measure: &measure::Secondary, values: &[Option<f64>], needs: &str) -> Secondary {
        made(measure.id, values, self.prompts, self.answers, needs)
    }
}
