//! A reader of the questions, written apart from their generator: it sees the prompt only and says what is right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use hydrometer_probes::kind::Prompt;
use regex::Regex;

/// A pattern, compiled once.
pub fn regex(pattern: &str) -> Regex {
    static COMPILED: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).clone()
}

/// The groups of every match.
pub fn all(pattern: &str, text: &str) -> Vec<Vec<String>> {
    let groups = |found: regex::Captures<'_>| {
        found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect()
    };
    regex(pattern).captures_iter(text).map(groups).collect()
}

fn one(pattern: &str, text: &str) -> Vec<String> {
    let mut found = all(pattern, text);
    assert_eq!(found.len(), 1, "{pattern} in {text}");
    found.remove(0)
}

/// The right answer of a ladder's prompt of this kind.
pub fn solve(kind: &str, prompt: &Prompt) -> String {
    let text = &prompt.prompt;
    match kind {
        "sums" => sums(text).to_string(),
        "relations" => relations(text),
        "order" => order(text),
        "trace" | "loop" => run(text).to_string(),
        "proof" => proof(text),
        "words" | "numbers" => follow(&rules(text), given(text)),
        "ledger" | "codes" | "differing" | "standing" => remember(kind, prompt),
        other => panic!("no reader of {other}"),
    }
}

fn sums(text: &str) -> i64 {
    let mut total: i64 = one(r"\n\n\w+ has (\d+) ", text)[0].parse().unwrap();
    for step in all(r"Then \w+ ([a-z ]+?) ?(\d*)\.", text) {
        let n = step[1].parse().unwrap_or(0);
        total = match step[0].as_str() {
            "buys" | "finds" | "is given" | "picks up" | "wins" => total + n,
            "gives away" | "sells" | "loses" | "hands back" | "drops" => total - n,
            "doubles the number" => total * 2,
            "uses up half of them" => {
                assert_eq!(total % 2, 0);
                total / 2
            }
            other => panic!("{other}"),
        };
        assert!(total > 0, "{text}");
    }
    total
}

fn relations(text: &str) -> String {
    let mut facts = BTreeMap::new();
    for fact in all(r"The (\w+) of (\w+) is (\w+)\.", text) {
        let twice = facts.insert((fact[0].clone(), fact[1].clone()), fact[2].clone());
        assert_eq!(twice, None, "two answers in {text}");
    }
    let question = &one(r"Who is (the [^?]+)\?", text)[0];
    let (way, start) = question.rsplit_once(" of ").unwrap();
    let roles: Vec<&str> = way.split(" of ").map(|role| role.strip_prefix("the ").unwrap()).collect();
    roles.iter().rev().fold(start.to_owned(), |who, role| facts[&((*role).to_owned(), who)].clone())
}

/// Tries every place for everybody until nothing moves, and demands that the order is the only one.
fn order(text: &str) -> String {
    const AHEAD: &str = "stands right in front of|came in right before|lives right above|sits just left of";
    const BEHIND: &str = "stands right behind|came in right after|lives right below|sits just right of";
    let mut next = BTreeMap::new();
    for fact in all(&format!(r"(\w+) ({AHEAD}|{BEHIND}) (\w+)\."), text) {
        let ahead = AHEAD.split('|').any(|words| words == fact[1]);
        let (first, second) = if ahead { (&fact[0], &fact[2]) } else { (&fact[2], &fact[0]) };
        assert_eq!(next.insert(first.clone(), second.clone()), None, "{text}");
    }
    let behind: BTreeSet<&String> = next.values().collect();
    let first: Vec<&String> = next.keys().filter(|who| !behind.contains(who)).collect();
    assert_eq!(first.len(), 1, "one order in {text}");
    let mut line = vec![first[0].clone()];
    while let Some(who) = next.get(line.last().unwrap()) {
        line.push(who.clone());
    }
    assert_eq!(line.len(), next.len() + 1);
    let asked = one(r"Who is (\d+) (?:place|floor|seat)s? ([a-z ]+) (\w+)\?", text);
    let by: usize = asked[0].parse().unwrap();
    let at = line.iter().position(|who| *who == asked[2]).unwrap();
    match asked[1].as_str() {
        "behind" | "after" | "below" | "right of" => line[at + by].clone(),
        "in front of" | "before" | "above" | "left of" => line[at - by].clone(),
        other => panic!("{other}"),
    }
}

/// Runs the few statements of Python that the programs have.
fn run(text: &str) -> i64 {
    let program = text.split_once("\n\n").unwrap().1;
    let lines: Vec<&str> = program.lines().filter(|line| !line.is_empty() && *line != "Answer:").collect();
    let mut variables = BTreeMap::new();
    let mut printed = None;
    block(&lines, 0, &mut variables, &mut printed);
    printed.unwrap()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn block(lines: &[&str], depth: usize, variables: &mut BTreeMap<String, i64>, printed: &mut Option<i64>) {
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim();
        assert_eq!(indent(lines[at]), depth);
        let inner = lines[at + 1..].iter().take_while(|line| indent(line) > depth).count();
        let body = &lines[at + 1..at + 1 + inner];
        at += 1 + inner;
        if let Some(head) = line.strip_prefix("for i in range(") {
            let passes: usize = head.trim_end_matches("):").parse().unwrap();
            (0..passes).for_each(|_| block(body, depth + 4, variables, printed));
        } else if let Some(condition) = line.strip_prefix("if ") {
            let (left, right) = condition.trim_end_matches(':').split_once(" > ").unwrap();
            assert_eq!(lines[at].trim(), "else:");
            let other = lines[at + 1..].iter().take_while(|line| indent(line) > depth).count();
            let otherwise = &lines[at + 1..at + 1 + other];
            at += 1 + other;
            let holds = value(left, variables) > value(right, variables);
            block(if holds { body } else { otherwise }, depth + 4, variables, printed);
        } else if let Some(name) = line.strip_prefix("print(") {
            *printed = Some(value(name.trim_end_matches(')'), variables));
        } else {
            let (name, expression) = line.split_once(" = ").unwrap();
            let words: Vec<&str> = expression.split(' ').collect();
            let result = match words[..] {
                [only] => value(only, variables),
                [left, "+", right] => value(left, variables) + value(right, variables),
                [left, "-", right] => value(left, variables) - value(right, variables),
                [left, "*", right] => value(left, variables) * value(right, variables),
                _ => panic!("{line}"),
            };
            variables.insert(name.to_owned(), result);
        }
    }
}

fn value(word: &str, variables: &BTreeMap<String, i64>) -> i64 {
    word.parse().unwrap_or_else(|_| variables[word])
}

/// Gives everybody everything that the rules give, and demands that one person alone has what is asked for.
fn proof(text: &str) -> String {
    let rules = all(r"Whoever has a (\w+) gets a (\w+)\.", text);
    let mut owned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for held in all(r"(\w+) has a (\w+)\.", text) {
        owned.entry(held[0].clone()).or_default().insert(held[1].clone());
    }
    for things in owned.values_mut() {
        while let Some(rule) = rules.iter().find(|rule| things.contains(&rule[0]) && !things.contains(&rule[1])) {
            things.insert(rule[1].clone());
        }
    }
    let asked = &one(r"Who gets the (\w+)\?", text)[0];
    let found: Vec<&String> = owned.iter().filter(|(_, things)| things.contains(asked)).map(|(who, _)| who).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0].clone()
}

/// The rules of a prompt, in order.
pub fn rules(text: &str) -> Vec<String> {
    all(r"(?m)^\d+\. (.+)$", text).into_iter().map(|mut found| found.remove(0)).collect()
}

/// The items of a prompt.
pub fn given(text: &str) -> Vec<String> {
    one(r"(?m)^(?:Words|Numbers): (.+)$", text)[0].split(' ').map(str::to_owned).collect()
}

/// Whether a rule speaks of which items are said and in which order; else of their form.
pub fn is_content(rule: &str) -> bool {
    regex(r"^(Leave out|Say|Put the|Move|Sort|Cut off|Add)").is_match(rule)
}

/// What is said under these rules.
pub fn follow(rules: &[String], mut items: Vec<String>) -> String {
    let (mut separator, mut front, mut end) = (" ".to_owned(), String::new(), String::new());
    let words: Vec<&str> =
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
         seventeen eighteen nineteen twenty"
            .split_whitespace()
            .collect();
    for rule in rules {
        let is = |pattern: &str| all(pattern, rule).pop();
        let each = |items: &[String], change: &dyn Fn(&str) -> String| items.iter().map(|item| change(item)).collect();
        if let Some(found) = is(r"^Leave out every word with the letter (.)\.$") {
            items.retain(|item| !item.contains(&found[0]));
        } else if let Some(found) = is(r"^Leave out (\w+)\.$") {
            items.retain(|item| *item != found[0]);
        } else if let Some(found) = is(r"^Say (\w+) instead of (\w+)\.$") {
            items = each(&items, &|item| if item == found[1] { found[0].clone() } else { item.to_owned() });
        } else if let Some(found) = is(r"^Say (\w+) twice\.$") {
            items = items
                .iter()
                .flat_map(|item| if *item == found[0] { vec![item; 2] } else { vec![item] })
                .cloned()
                .collect();
        } else if rule.ends_with("in reverse order.") {
            items = items.into_iter().rev().collect();
        } else if rule.starts_with("Move the last") {
            let last = items.len() - 1;
            items = items[last..].iter().chain(&items[..last]).cloned().collect();
        } else if rule.ends_with("in alphabetical order.") {
            items.sort();
        } else if rule.starts_with("Sort the numbers") {
            items.sort_by_key(|item| item.parse::<i64>().unwrap());
        } else if rule.starts_with("Cut off") {
            items = each(&items, &|item| item.chars().take(item.chars().count() - 1).collect());
        } else if rule.starts_with("Add 1") {
            items = each(&items, &|item| (item.parse::<i64>().unwrap() + 1).to_string());
        } else if rule.ends_with("in capital letters.") {
            items = each(&items, &str::to_uppercase);
        } else if rule.ends_with("with a capital first letter.") {
            items = each(&items, &|item| item[..1].to_uppercase() + &item[1..]);
        } else if rule.ends_with("as a word.") {
            items = each(&items, &|item| words[item.parse::<usize>().unwrap()].to_owned());
        } else if rule.contains(".0 behind") {
            items = each(&items, &|item| format!("{item}.0"));
        } else if let Some(found) = is(r"^Put (.) before and (.) after") {
            items = each(&items, &|item| format!("{}{item}{}", found[0], found[1]));
        } else if let Some(found) = is("^Write \"(.+)\" between") {
            separator.clone_from(&found[0]);
        } else if let Some(found) = is(r"^Write (\S+) in front") {
            front = format!("{} ", found[0]);
        } else if let Some(found) = is(r"^Write (\S+) at the end") {
            end = format!(" {}", found[0]);
        } else {
            panic!("{rule}");
        }
    }
    format!("{front}{}{end}", items.join(&separator))
}

/// What the conversation says of what its last message asks.
fn remember(kind: &str, prompt: &Prompt) -> String {
    let said: Vec<&str> = prompt.turns.iter().map(|turn| turn.text.as_str()).collect();
    let whole = said.join("\n");
    let asked = &prompt.prompt;
    match kind {
        "ledger" => {
            let who = &one(r"does (\w+) have now", asked)[0];
            let start: i64 = one(&format!(r"\b{who} has (\d+)"), &whole)[0].parse().unwrap();
            let by =
                |pattern: &str| all(pattern, &whole).iter().map(|found| found[0].parse::<i64>().unwrap()).sum::<i64>();
            (start + by(&format!(r"{who} gets (\d+) more")) - by(&format!(r"{who} gives away (\d+)"))).to_string()
        }
        "codes" => {
            let place = &one(r"code of the (\w+) now", asked)[0];
            all(&format!(r"of the {place} (?:is )?(?:now )?(\d+)"), &whole).pop().unwrap().remove(0)
        }
        "differing" => {
            let what = &one(r"is it that ([a-z ]+)\?", asked)[0];
            let mut hours = all(&format!(r"{what} at (\d+)"), &whole);
            let first = one(r"the (first|last) one counts", &whole)[0] == "first";
            if first { hours.remove(0).remove(0) } else { hours.pop().unwrap().remove(0) }
        }
        "standing" => {
            let what = &one(r"What is my (\w+) called", asked)[0];
            let name = &one(&format!(r"My {what} is called (\w+)"), &whole)[0];
            match one(r"say it ([a-z ]+)\.", said[0])[0].as_str() {
                "in capital letters" => name.to_uppercase(),
                "in square brackets" => format!("[{name}]"),
                "twice in a row" => format!("{name} {name}"),
                "with the word over behind it" => format!("{name} over"),
                "with two question marks behind it" => format!("{name}??"),
                other => panic!("{other}"),
            }
        }
        other => panic!("{other}"),
    }
}
