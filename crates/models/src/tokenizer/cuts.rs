//! Scores and merges: two ways to say in which order SentencePiece's entries are put together.
//!
//! With scores (GGUF), any two neighbours that make an entry are joined, best entry first. With merges (`tokenizer.json`), those
//! that stand in a list are, first in the list first. They are the same where the list holds every cut of every entry, entry by
//! entry from the best score down.

use std::collections::{HashMap, HashSet};

use super::vocabulary::{Kind, Vocabulary};

/// Ids of the entries that text is made of.
fn normal(vocabulary: &Vocabulary) -> HashMap<&str, u32> {
    vocabulary.ids().into_iter().filter(|&(_, id)| vocabulary.kind(id) == Kind::Normal).collect()
}

/// Every way to cut an entry into two others.
fn cuts<'v>(ids: &HashMap<&str, u32>, text: &'v str) -> Vec<(&'v str, &'v str)> {
    let parts = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
    parts.filter(|(left, right)| ids.contains_key(left) && ids.contains_key(right)).collect()
}

/// The list of merges that says what `scores` say.
///
/// # Errors
/// Two entries with one score: which comes first a list cannot leave open. In words.
pub(super) fn merges<'v>(vocabulary: &'v Vocabulary, scores: &[f32]) -> Result<Vec<(&'v str, &'v str)>, String> {
    let ids = normal(vocabulary);
    let score = |id: u32| scores.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let mut entries: Vec<(u32, Vec<(&str, &str)>)> = (0..vocabulary.len() as u32)
        .filter(|&id| ids.get(vocabulary.text(id)) == Some(&id))
        .map(|id| (id, cuts(&ids, vocabulary.text(id))))
        .filter(|(_, cuts)| !cuts.is_empty())
        .collect();
    entries.sort_by(|(a, _), (b, _)| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
    if let Some(pair) = entries.windows(2).find(|pair| score(pair[0].0) == score(pair[1].0)) {
        return Err(format!("the entries {} and {} have one score, {}", pair[0].0, pair[1].0, score(pair[0].0)));
    }
    Ok(entries.into_iter().flat_map(|(_, cuts)| cuts).collect())
}

/// The scores that say what a list of merges says. Entries that nothing is put together to come last; what is no text has 0.
///
/// # Errors
/// A list that no scores can express, in words.
pub(super) fn scores(vocabulary: &Vocabulary, merges: &[(&str, &str)]) -> Result<Vec<f32>, String> {
    let ids = normal(vocabulary);
    let mut order: HashMap<u32, usize> = HashMap::new();
    let mut last = None;
    for (left, right) in merges {
        let Some(&id) = ids.get(format!("{left}{right}").as_str()) else { continue };
        if last == Some(id) {
            continue;
        }
        let next = order.len();
        if order.insert(id, next).is_some() {
            return Err(format!("the merges to entry {id} do not stand together"));
        }
        last = Some(id);
    }
    let listed: HashSet<&(&str, &str)> = merges.iter().collect();
    for (text, id) in &ids {
        if let Some((left, right)) = cuts(&ids, text).iter().find(|cut| !listed.contains(cut)) {
            return Err(format!("entry {id} could be put together of {left:?} and {right:?}, and no merge says so"));
        }
    }
    let mut others = order.len();
    let mut score = |id: u32| match (vocabulary.kind(id), order.get(&id)) {
        (_, Some(&at)) => -(at as f32 + 1.0),
        (Kind::Normal, None) => {
            others += 1;
            -(others as f32)
        }
        _ => 0.0,
    };
    Ok((0..vocabulary.len() as u32).map(&mut score).collect())
}
