//! Small proofs: whoever has one thing gets another; who ends up with the crown?

use super::{FEWEST_NAMES, deepest, people};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::builtin::edges::words::THINGS;
use crate::kind::Prompt;

/// People whose thing also leads somewhere, though not to what is asked for.
const DECOYS: usize = 4;

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let mut people = people(chance, FEWEST_NAMES);
    let hero = people[0];
    let mut things = chance.sample(THINGS, THINGS.len());
    let mut take = |count: usize| things.split_off(things.len() - count);
    let chain = take(deepest(rungs) + 2);
    let owned = take(FEWEST_NAMES - 1);
    let ends = take(2 * DECOYS);
    chance.shuffle(&mut people);
    let holders: Vec<&str> = people.iter().copied().filter(|who| *who != hero).collect();
    let rung = |&depth: &f64| {
        let depth = depth as usize;
        let mut rules: Vec<String> = chain[..depth + 2].windows(2).map(|pair| rule(pair[0], pair[1])).collect();
        for (decoy, owned) in owned.iter().take(DECOYS).enumerate() {
            rules.push(rule(owned, ends[decoy]));
            // Where the chain is long, the others' are not all cut short.
            if depth > decoy + 2 {
                rules.push(rule(ends[decoy], ends[DECOYS + decoy]));
            }
        }
        chance.shuffle(&mut rules);
        let mut holds: Vec<String> =
            holders.iter().zip(&owned).map(|(who, thing)| format!("{who} has a {thing}.")).collect();
        holds.push(format!("{hero} has a {}.", chain[0]));
        chance.shuffle(&mut holds);
        let text = format!(
            "Answer with the name only.\n\n{} {} Who gets the {}?",
            rules.join(" "),
            holds.join(" "),
            chain[depth]
        );
        said::word(&text, hero)
    };
    rungs.iter().map(rung).collect()
}

fn rule(from: &str, to: &str) -> String {
    format!("Whoever has a {from} gets a {to}.")
}
