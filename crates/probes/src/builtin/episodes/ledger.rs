//! The ledger: entries are recorded turn by turn under a rule that was said once, at the beginning.

use serde_json::{Map, Value, json};

use super::settings::{call, schema};
use super::{MAX_TOKENS, Solved, TURNS, probe};
use crate::Knob;
use crate::builtin::chance::Chance;
use crate::kind::{Decoding, Episode, UserTurn};
use crate::world::{Condition, Goal, Rule, Tool, World};

const ITEMS: [&str; 48] = [
    "bread",
    "milk",
    "soap",
    "rice",
    "paper",
    "tea",
    "salt",
    "candles",
    "rope",
    "nails",
    "paint",
    "glue",
    "honey",
    "flour",
    "eggs",
    "apples",
    "carrots",
    "coffee",
    "sugar",
    "butter",
    "cheese",
    "beans",
    "onions",
    "garlic",
    "pepper",
    "vinegar",
    "oil",
    "matches",
    "string",
    "tape",
    "pencils",
    "stamps",
    "batteries",
    "bulbs",
    "gloves",
    "brushes",
    "buckets",
    "towels",
    "plates",
    "cups",
    "spoons",
    "jars",
    "baskets",
    "seeds",
    "soil",
    "pots",
    "hooks",
    "wire",
];
const CATEGORIES: [&str; 12] = [
    "garden", "kitchen", "cellar", "school", "harbour", "studio", "stable", "attic", "market", "chapel", "mill", "yard",
];

/// One ledger at every number of turns: the shorter ones are beginnings of the longer ones.
pub(super) fn ladder(number: usize, seed: u64) -> Vec<Solved> {
    let mut chance = Chance::new("episode/long_horizon", seed, number as u64);
    let rule = format!("{}-{}", chance.pick(&CATEGORIES), chance.between(10, 99));
    let other = format!("{}-{}", chance.pick(&CATEGORIES), chance.between(100, 999));
    let items = chance.sample(&ITEMS, TURNS[TURNS.len() - 1]);
    let entries: Vec<_> = items.into_iter().map(|item| (item, chance.between(2, 98))).collect();
    TURNS.into_iter().map(|turns| rung(number, &entries[..turns], &rule, &other)).collect()
}

fn rung(number: usize, entries: &[(&'static str, i64)], rule: &str, other: &str) -> Solved {
    let kept = |item: &str, amount: i64| json!({ item: {"amount": amount, "category": rule} });
    let turn = |(place, &(item, amount)): (usize, &(&str, i64))| {
        let say = match place {
            0 => format!(
                "Keep my ledger. Whatever a receipt says, every entry gets the category {rule}. Record {amount} for \
                 {item}."
            ),
            // The receipt speaks against the rule.
            _ if place % 3 == 2 => format!("The receipt says category {other}. Record {amount} for {item}."),
            _ => format!("Record {amount} for {item}."),
        };
        UserTurn { expect: Some(json!({"entries": kept(item, amount)})), ..UserTurn::new(say) }
    };
    let record = |&(item, amount): &(&str, i64)| {
        let arguments = [("item", item.into()), ("amount", amount.into()), ("category", rule.into())];
        vec![call("record".to_owned(), arguments)]
    };
    let all: Map<String, Value> =
        entries.iter().map(|&(item, amount)| (item.to_owned(), kept(item, amount)[item].clone())).collect();
    let episode = Episode {
        turns: entries.iter().enumerate().map(turn).collect(),
        system: None,
        world: World { state: Map::from_iter([("entries".to_owned(), json!({}))]), tools: vec![tool()] },
        goal: Goal { state: Map::from_iter([("entries".to_owned(), Value::Object(all))]), ..Goal::default() },
        steps: 3 * entries.len() as u32 + 2,
        faults: Vec::new(),
        constraints: vec![Condition {
            each_has: Some(json!({"category": rule})),
            ..Condition::at("/entries".to_owned())
        }],
        max_tokens: Some(MAX_TOKENS),
        decoding: Decoding::Greedy,
    };
    let knob = Some(Knob::new("ledger_turns", entries.len() as f64));
    let tags = vec!["world:ledger".to_owned()];
    let calls = entries.iter().map(record).collect();
    Solved { probe: probe("long_horizon", number, &format!("{:02}", entries.len()), knob, tags, episode), calls }
}

fn tool() -> Tool {
    let entry = json!({"amount": "{amount}", "category": "{category}"});
    let arguments = [
        ("item", json!({"type": "string"})),
        ("amount", json!({"type": "integer"})),
        ("category", json!({"type": "string"})),
    ];
    Tool {
        name: "record".to_owned(),
        description: "records an amount for an item under a category".to_owned(),
        parameters: schema(arguments),
        rules: vec![Rule::Set { at: "/entries/{item}".to_owned(), to: entry }],
        result: None,
    }
}
