//! Orders from shuffled comparisons: who stands so many places behind?

use super::{FEWEST_NAMES, deepest, people};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::kind::Prompt;

/// A comparison of neighbours in an order, forwards and backwards, and how a distance is asked for both ways.
struct Setting {
    ahead: &'static str,
    behind: &'static str,
    unit: &'static str,
    asked: [&'static str; 2],
}

const SETTINGS: &[Setting] = &[
    Setting {
        ahead: "stands right in front of",
        behind: "stands right behind",
        unit: "place",
        asked: ["behind", "in front of"],
    },
    Setting { ahead: "came in right before", behind: "came in right after", unit: "place", asked: ["after", "before"] },
    Setting { ahead: "lives right above", behind: "lives right below", unit: "floor", asked: ["below", "above"] },
    Setting { ahead: "sits just left of", behind: "sits just right of", unit: "seat", asked: ["right of", "left of"] },
];

/// People beyond the stretch that is asked for, on both sides together.
const AROUND: usize = 3;

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let all = people(chance, (deepest(rungs) + 1 + AROUND).max(FEWEST_NAMES));
    let setting = chance.pick(SETTINGS);
    let backwards = chance.below(2);
    let rung = |&depth: &f64| {
        let depth = depth as usize;
        let shown = &all[..(depth + 1 + AROUND).max(FEWEST_NAMES)];
        // Neither of the two stands at an end.
        let from = 1 + chance.below(shown.len() - depth - 2);
        let mut facts: Vec<String> = shown
            .windows(2)
            .map(|pair| match chance.below(2) {
                0 => format!("{} {} {}.", pair[0], setting.ahead, pair[1]),
                _ => format!("{} {} {}.", pair[1], setting.behind, pair[0]),
            })
            .collect();
        chance.shuffle(&mut facts);
        let (start, end) = if backwards == 0 { (from, from + depth) } else { (from + depth, from) };
        let asked = setting.asked[backwards];
        let plural = if depth == 1 { "" } else { "s" };
        let text = format!(
            "Answer with the name only.\n\n{} Who is {depth} {}{plural} {asked} {}?",
            facts.join(" "),
            setting.unit,
            shown[start]
        );
        said::word(&text, shown[end])
    };
    rungs.iter().map(rung).collect()
}
