//! Hostile text in every place of a statement that holds text, through every section of the list, in every format.
//!
//! Nothing here names a section or a field: what is added to either is covered.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use hydrometer_audit::Statement;
use hydrometer_metrics::measure;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::document::{Block, EVERYWHERE, Fact, Fold, Kind, Role, State, Style, Text};
use crate::measured::Measured;
use crate::terminal::{Color, TerminalOptions};

#[allow(dead_code)]
#[path = "../../tests/sample/mod.rs"]
mod sample;

/// Stands in every hostile text, so that a test sees whether the text was shown at all.
const MARK: &str = "hydro-evil";

/// Texts that act where something trusts them: as HTML, on a terminal, in Markdown, in a spreadsheet.
fn hostile() -> [String; 3] {
    let tags = "</script></style></details></td><!--<hydro-evil onload=x>\" onmouseover=\"alert(1)' >";
    let controls =
        "\u{1b}[31m\u{1b}]0;x\u{7}\0\u{8}\u{7f}\u{85}\u{9b}2J\r\n\u{b}\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}";
    let markdown = "| a | b |\n|---|---|\n`x` ``` **b** [l](https://e.invalid) ![i](x) @octocat #12 www.e.invalid";
    [
        format!("{MARK} {tags}{controls}{markdown}"),
        format!("=cmd|' /C calc'!A0 {MARK}\t{controls}"),
        format!("\n# {MARK}\n\n{markdown}\n{tags}"),
    ]
}

/// A statement in which everything that can be there is there.
fn full() -> Value {
    let value = serde_json::to_value(sample::full()).unwrap();
    assert_eq!(missing(&value), Vec::<String>::new(), "the sample holds no value for these");
    value
}

/// Names of the statement's schema that a value does not fill with anything.
fn missing(value: &Value) -> Vec<String> {
    fn named(schema: &Value, names: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            names.extend(properties.keys().cloned());
        }
        match schema {
            Value::Object(map) => map.values().for_each(|value| named(value, names)),
            Value::Array(items) => items.iter().for_each(|value| named(value, names)),
            _ => {}
        }
    }
    fn filled(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                names.extend(map.iter().filter(|(_, value)| !empty(value)).map(|(name, _)| name.clone()));
                map.values().for_each(|value| filled(value, names));
            }
            Value::Array(items) => items.iter().for_each(|value| filled(value, names)),
            _ => {}
        }
    }
    let schema = include_str!("../../../../docs/schema/statement.schema.json");
    let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
    named(&serde_json::from_str(schema).unwrap(), &mut wanted);
    filled(value, &mut found);
    wanted.difference(&found).cloned().collect()
}

/// Which texts stay what they are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keep {
    /// The names of metrics, so that what is looked up by name is found.
    Metrics,
    /// None but the words of enumerations.
    Nothing,
}

/// Paths of the texts of a statement that may be anything; the others are words of an enumeration.
fn free_paths() -> BTreeSet<String> {
    let mut value = full();
    let mut paths = BTreeSet::new();
    texts(&mut value, "", &mut |path, _| {
        paths.insert(path.to_owned());
    });
    let all = paths.len();
    paths.retain(|path| {
        let mut tried = value.clone();
        texts(&mut tried, "", &mut |at, text| {
            if at == path {
                *text = MARK.to_owned();
            }
        });
        serde_json::from_value::<Statement>(tried).is_ok()
    });
    assert!(paths.len() > 40 && paths.len() < all, "{} of {all} texts", paths.len());
    paths
}

/// The statement with a hostile text in place of every free text.
fn forged(hostile: &str, free: &BTreeSet<String>, keep: Keep) -> Statement {
    let mut value = full();
    texts(&mut value, "", &mut |at, text| {
        let metric = measure::text(text).is_some();
        if free.contains(at) && !(keep == Keep::Metrics && metric) {
            *text = hostile.to_owned();
        }
    });
    serde_json::from_value(value).unwrap()
}

/// Calls `on` for every text with its path, places in lists left out.
fn texts(value: &mut Value, path: &str, on: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => on(path, text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, path, on)),
        Value::Object(map) => map.iter_mut().for_each(|(name, item)| texts(item, &format!("{path}.{name}"), on)),
        _ => {}
    }
}

/// The section with everything in it shown everywhere.
fn spread(mut section: Section) -> Section {
    fn block(one: &mut Block) {
        one.on = EVERYWHERE;
        match &mut one.kind {
            Kind::Fold(fold) => fold.blocks.iter_mut().for_each(block),
            Kind::Findings(findings) => findings.iter_mut().for_each(|finding| {
                finding.on = EVERYWHERE;
                finding.evidence.iter_mut().for_each(|(on, _)| *on = EVERYWHERE);
            }),
            Kind::Table(table) => {
                table.columns.iter_mut().for_each(|column| column.on = EVERYWHERE);
                for row in &mut table.rows {
                    row.on = EVERYWHERE;
                    row.notes.iter_mut().for_each(|note| note.on = EVERYWHERE);
                }
            }
            _ => {}
        }
    }
    section.on = EVERYWHERE;
    section.blocks.iter_mut().for_each(block);
    section
}

/// A document of one section.
fn alone(source: &Source<'_>, section: Section) -> Document {
    Document { masthead: masthead::masthead(source.statement), sections: vec![section] }
}

/// No control character but the end of a line, and nothing that turns the direction of writing.
fn check_characters(text: &str) {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = text.char_indices().find(|(_, c)| (c.is_control() && *c != '\n') || turns(*c));
    if let Some((at, c)) = bad {
        let before: String = text[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("{c:?} after …{before}");
    }
}

fn check_page(page: &str) {
    check_characters(page);
    for act in ["<hydro-evil", "\" onmouseover", "' onmouseover", "</script", "<!--", "<script", "<img"] {
        assert!(!page.contains(act), "{act}");
    }
    for tag in ["style", "details", "td"] {
        let count = |text: String| page.matches(&text).count();
        assert_eq!(count(format!("<{tag}>")) + count(format!("<{tag} ")), count(format!("</{tag}>")), "{tag}");
    }
}

fn check_comment(page: &str) {
    check_characters(page);
    for act in ["<hydro-evil", "onmouseover=\"", "</script", "<!--", "`", "](", "@octocat", " #12", "://", "www."] {
        assert!(!page.contains(act), "{act}: {page}");
    }
    assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
    let table = |line: &&str| line.trim_start().starts_with('|');
    for rows in page.lines().collect::<Vec<_>>().split(|line| !table(line)) {
        let pipes: BTreeSet<usize> = rows.iter().map(|row| row.matches('|').count()).collect();
        assert!(pipes.len() <= 1, "rows of different lengths: {rows:#?}");
        assert!(rows.len() != 1, "half a table: {rows:?}");
    }
}

fn check_terminal(document: &Document) -> String {
    let options = |color| TerminalOptions { width: 80, color, files: &[], measured: None };
    let text = crate::terminal::lines(document, &options(Color::Never));
    check_characters(&text);
    let wide = text.lines().find(|line| line.width() > 80);
    assert!(wide.is_none(), "{wide:?}");
    let mut painted = crate::terminal::lines(document, &options(Color::Always));
    for own in ["0", "1", "1;31", "1;32", "1;33"] {
        painted = painted.replace(&format!("\u{1b}[{own}m"), "");
    }
    assert_eq!(painted, text, "colour is all that it adds");
    text
}

fn check_rows(text: &str) {
    check_characters(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().len();
    for record in reader.records().map(Result::unwrap) {
        assert_eq!(record.len(), columns);
        for cell in &record {
            let number = cell.parse::<f64>().is_ok();
            assert!(number || !cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
}

/// A section that says the text in every style and in every block that holds texts.
fn sayings(hostile: &str) -> Section {
    let link = Style::Link(hostile.to_owned());
    let styles = [Style::Words, Style::Foreign, Style::Quiet, Style::Strong, Style::Stated, Style::Code, Style::Hash];
    let more = [Style::Tag, Style::Range, Style::Piece, Style::Before, link];
    let all = styles.into_iter().chain(more);
    let text = all.fold(Text::default(), |text, style| text.and(style, hostile));
    let fold = Fold {
        title: text.clone(),
        about: text.clone(),
        state: State::Open,
        style: "",
        blocks: vec![Block::heading(text.clone()), Block::verbatim("lines", hostile.to_owned())],
    };
    Section::new("sayings", "Sayings")
        .folded(text.clone(), State::Closed)
        .with(Block::heading(text.clone()))
        .with(Block::said(Role::Cite, text.clone()))
        .with(Block::list([text.clone()]))
        .with(Block::facts([Fact::new("Fact", text)]))
        .with(Block::fold(fold))
}

#[test]
fn hostile_text_stays_text_in_every_section_and_format() {
    let measured = Measured { seconds: 83.4, peak_memory_bytes: None, paid: None };
    let free = free_paths();
    let mut shown = BTreeSet::new();
    for hostile in hostile() {
        for keep in [Keep::Metrics, Keep::Nothing] {
            let statement = forged(&hostile, &free, keep);
            let source = Source { statement: &statement, measured: Some(&measured) };
            let sections = SECTIONS.iter().flat_map(|section| [section(&source), spread(section(&source))]);
            for section in sections.chain([sayings(&hostile)]) {
                let id = section.id;
                let document = alone(&source, section);
                let page = crate::html::page(&document);
                check_page(&page);
                let comment = crate::markdown::comment(&document);
                check_comment(&comment);
                let lines = check_terminal(&document);
                check_rows(&crate::csv::rows(&document));
                // The masthead shows it once more in each.
                let many = |text: &str| text.matches(MARK).count();
                if many(&page) > 5 && many(&comment) > 3 && many(&lines) > 1 {
                    shown.insert(id);
                }
            }
        }
    }
    assert!(shown.len() * 2 > SECTIONS.len(), "hostile text was shown by {shown:?} only");
}
