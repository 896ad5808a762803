//! Tables, records and small programs.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring};

/// A Markdown or CSV table with a total that can be checked, and a sentence about it.
pub(super) fn table(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let rows = length.of(3, 5, 9);
    let mut scene = Scene::new(chance, ring);
    let piped = scene.chance.percent(50);
    let mut lines = vec![if piped { "| item | city | count |\n|---|---|---|" } else { "item,city,count" }.to_owned()];
    let (mut total, mut largest) = (0, (0, String::new()));
    for row in 0..rows {
        let item = scene.draw("item");
        scene.bind(&format!("row{row}"), item);
        let city = scene.draw("town");
        let count = scene.chance.between(2, ring.either(20, 400));
        total += count;
        if count > largest.0 {
            largest = (count, item.to_owned());
        }
        lines.push(if piped { format!("| {item} | {city} | {count} |") } else { format!("{item},{city},{count}") });
    }
    scene.bind("total", total.to_string());
    scene.bind("item", largest.1);
    scene.bind("most", largest.0.to_string());
    lines.push(scene.say_one(&[
        "\nIn total there are <total>; most of them, <most>, are <item>.",
        "\nSum of the last column: <total>. Largest entry: <item> with <most>.",
        "\nThe <job> checked the list and counted <total> in all.",
    ]));
    Document::tagged(lines.join("\n"), "shape:table".to_owned())
}

/// JSON, or settings in lines, with fields that repeat from record to record.
pub(super) fn record(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let records = length.of(2, 3, 6);
    let mut scene = Scene::new(chance, ring);
    let style = scene.chance.below(2);
    let mut blocks = Vec::new();
    for _ in 0..records {
        let (name, job) = (scene.draw("name"), scene.draw("job"));
        scene.bind(name, name);
        let (town, colour) = (scene.draw("town"), scene.draw("colour"));
        let age = scene.chance.between(19, 88);
        let items = [scene.draw("object"), scene.draw("item")];
        blocks.push(if style == 0 {
            let tail = ring.either(String::new(), format!(",\n    \"colours\": {{\"gate\": \"{colour}\"}}"));
            format!(
                "  {{\n    \"name\": \"{name}\",\n    \"age\": {age},\n    \"job\": \"{job}\",\n    \"town\": \
                 \"{town}\",\n    \"owns\": [\"{}\", \"{}\"]{tail}\n  }}",
                items[0], items[1]
            )
        } else {
            let tail = ring.either(String::new(), format!("\n  gate:\n    colour: {colour}"));
            format!(
                "- name: {name}\n  age: {age}\n  job: {job}\n  town: {town}\n  owns: [{}, {}]{tail}",
                items[0], items[1]
            )
        });
    }
    let text = if style == 0 { format!("[\n{}\n]", blocks.join(",\n")) } else { blocks.join("\n") };
    Document::tagged(text, ["shape:json", "shape:yaml"][style].to_owned())
}

const VARIABLES: &[&str] = &["total", "count", "items", "value", "result", "number"];
const RARE_VARIABLES: &[&str] = &["residue", "carry", "ledger", "pivot", "quorum", "tally"];

/// A small function with a docstring and a call whose result is stated.
pub(super) fn function(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let count = length.of(1, 2, 4);
    let mut parts = Vec::new();
    for _ in 0..count {
        let kind = chance.below(ring.either(2, 4));
        let variable = *chance.pick(ring.either(VARIABLES, RARE_VARIABLES));
        parts.push(one_function(chance, kind, variable, ring));
    }
    Document::tagged(parts.join("\n\n"), "shape:function".to_owned())
}

fn one_function(chance: &mut Chance, kind: usize, variable: &str, ring: Ring) -> String {
    let n = chance.between(2, ring.either(5, 12));
    let k = chance.between(2, 9);
    match kind {
        0 => format!(
            "def {verb}_{variable}(numbers):\n    \"\"\"Return {doc}.\"\"\"\n    {variable} = 0\n    for number in \
             numbers:\n        {variable} += number{by}\n    return {variable}\n\nprint({verb}_{variable}([1, 2, \
             {n}]))  # {result}",
            verb = if k % 2 == 0 { "add" } else { "weigh" },
            doc = if k % 2 == 0 { "the sum of the numbers".to_owned() } else { format!("{k} times the sum") },
            by = if k % 2 == 0 { String::new() } else { format!(" * {k}") },
            result = (3 + n) * if k % 2 == 0 { 1 } else { k },
        ),
        1 => {
            let mut words =
                chance.sample(&["tea", "top", "sand", "tin", "soap", "stone", "table", "salt", "thread"], 4);
            let letter = *chance.pick(&["t", "s", "to", "st"]);
            let found = words.iter().filter(|word| word.starts_with(letter)).count();
            words.sort_unstable();
            format!(
                "def count_{variable}(words, start):\n    \"\"\"Count the words that begin with a start.\"\"\"\n    \
                 return sum(1 for word in words if word.startswith(start))\n\nprint(count_{variable}({words:?}, \
                 \"{letter}\"))  # {found}"
            )
        }
        2 => format!(
            "fn {variable}(n: u64) -> u64 {{\n    // Each call takes one step; {n} steps in all.\n    if n == 0 {{\n        \
             {k}\n    }} else {{\n        2 * {variable}(n - 1)\n    }}\n}}\n\nassert_eq!({variable}({n}), {});",
            k * (1i64 << n)
        ),
        _ => format!(
            "#!/bin/sh\n# Keep the {k} newest copies of the {variable} file and drop the rest.\nset -eu\nls -1t \
             \"$1\"/{variable}-*.bak | tail -n +{} | while read -r old; do\n    rm -- \"$old\"\ndone",
            k + 1
        ),
    }
}

/// SQL with the question that it answers.
pub(super) fn query(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let mut parts = Vec::new();
    for _ in 0..length.of(2, 3, 5) {
        let mut scene = Scene::new(chance, ring);
        let limit = scene.chance.between(3, 60).to_string();
        scene.bind("limit", limit);
        let table = scene.draw("shop").replace(' ', "_");
        scene.bind("table", table);
        scene.bind("at", "<");
        parts.push(scene.say_one(&[
            "-- Which towns have more than <limit> entries?\nSELECT town, COUNT(*) AS entries\nFROM <table>\nGROUP BY \
             town\nHAVING COUNT(*) > <limit>\nORDER BY entries DESC;",
            "-- Everything of <material:m> of weight <limit> or less.\nSELECT id, <field:f>, \
             weight\nFROM <table>\nWHERE material = '<m>' AND weight <at>= <limit>\nORDER BY weight;",
            "-- The <field:f> per <field:g>, newest first.\nSELECT <g>, AVG(<f>)\nFROM <table>\nWHERE entered_on >= \
             DATE '1987-0[1|3|5|9]-1[0|2|4]'\nGROUP BY <g>\nORDER BY MAX(entered_on) DESC\nLIMIT <limit>;",
            "-- Remove what nobody has asked for.\nDELETE FROM <table>\nWHERE <field> IS NULL\n  AND id NOT IN (SELECT \
             <table>_id FROM loans WHERE returned_on IS NULL);",
        ]));
    }
    Document::tagged(parts.join("\n\n"), "shape:sql".to_owned())
}

/// What does the program print? Members are rungs: a pass of the loop more each.
pub(super) fn output_question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let passes = ring.either(chance.between(2, 3), chance.between(4, 6));
    let (start, add) = (chance.between(1, ring.either(12, 40)), chance.between(1, ring.either(9, 25)));
    let double = ring == Ring::Edge && chance.percent(50);
    let variable = *chance.pick(ring.either(VARIABLES, RARE_VARIABLES));
    (0..members as i64)
        .map(|member| {
            let passes = passes + member;
            let body =
                if double { format!("{variable} = 2 * {variable} - {add}") } else { format!("{variable} += {add}") };
            let run = |passes: i64| (0..passes).fold(start, |x, _| if double { 2 * x - add } else { x + add });
            let truth = run(passes);
            let mut others = Vec::new();
            for slip in [run(passes - 1), run(passes + 1), truth + 1, truth - 1, truth + 2, start] {
                if slip != truth && !others.contains(&slip) && others.len() < 3 {
                    others.push(slip);
                }
            }
            let prompt = format!(
                "What does this Python program print?\n{variable} = {start}\nfor step in range({passes}):\n    \
                 {body}\nprint({variable})"
            );
            Question::new(prompt, truth.to_string(), others.into_iter().map(|n| n.to_string()))
                .tag(format!("depth:{passes}"))
        })
        .collect()
}
