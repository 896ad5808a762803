//! The HTML report, read by a small strict parser: well formed, self-contained, and no foreign text in it that acts.
#![allow(clippy::unwrap_used, missing_docs)]

use crate::sample;

use std::collections::BTreeSet;

use hydrometer_report::Measured;

const VOID: [&str; 5] = ["meta", "br", "img", "link", "input"];

/// A start tag with its attributes, and the text that stands in it itself.
pub struct Tag {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub text: String,
}

impl Tag {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All start tags in order and all text outside tags; panics on anything that is not well formed.
pub fn parse(page: &str) -> (Vec<Tag>, String) {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    let (mut open, mut tags, mut text) = (Vec::<usize>::new(), Vec::<Tag>::new(), String::new());
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        if let Some(&inside) = open.last() {
            tags[inside].text.push_str(&rest[..at]);
        }
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').unwrap();
            let last = open.pop().map(|place| tags[place].name.as_str());
            assert_eq!(last, Some(name), "…{}", &after.chars().take(80).collect::<String>());
            rest = after;
            continue;
        }
        let (tag, after) = start(rest);
        rest = after;
        if tag.name == "style" {
            let (_, after) = rest.split_once("</style>").unwrap();
            rest = after;
        } else if !VOID.contains(&tag.name.as_str()) {
            open.push(tags.len());
        }
        tags.push(tag);
    }
    let names: Vec<&str> = open.iter().map(|&place| tags[place].name.as_str()).collect();
    assert!(open.is_empty(), "never closed: {names:?}");
    assert!(!text.contains('>'), "a bare > in text");
    (tags, text)
}

fn start(rest: &str) -> (Tag, &str) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
    assert!(end > 0, "a bare < in front of {:?}", &rest.chars().take(40).collect::<String>());
    let mut tag = Tag { name: rest[..end].to_owned(), attributes: Vec::new(), text: String::new() };
    let mut rest = &rest[end..];
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        rest = rest.strip_prefix(' ').unwrap();
        let end = rest.find(['=', ' ', '>']).unwrap();
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix("=\"") {
            (value, rest) = quoted.split_once('"').unwrap();
        }
        tag.attributes.push((name, value.to_owned()));
    }
}

fn check(page: &str) -> Vec<Tag> {
    let (tags, _) = parse(page);
    let known: BTreeSet<&str> = tags.iter().map(|t| t.name.as_str()).collect();
    for forbidden in ["script", "img", "link", "iframe", "object", "form", "b onclick"] {
        assert!(!known.contains(forbidden), "<{forbidden}>");
    }
    let mut ids = BTreeSet::new();
    for (name, value) in tags.iter().flat_map(|t| &t.attributes) {
        assert!(!name.starts_with("on"), "{name}={value}");
        assert!(!["src", "srcset", "action", "style", "xlink:href"].contains(&name.as_str()), "{name}={value}");
        assert!(name != "href" || value.starts_with('#'), "{value}");
        assert!(name != "id" || ids.insert(value.clone()), "two elements are called {value}");
    }
    for target in
        tags.iter().flat_map(|t| &t.attributes).filter(|(name, _)| name == "href" || name == "aria-labelledby")
    {
        for id in target.1.trim_start_matches('#').split(' ') {
            assert!(ids.contains(id), "{} points to nothing", target.1);
        }
    }
    for direction in ['\u{202e}', '\0', '\u{1b}'] {
        assert!(!page.contains(direction), "{direction:?}");
    }
    tags
}

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    let measured = Measured { seconds: 83.4, peak_memory_bytes: None, paid: None };
    for statement in [sample::statement(), sample::empty(), sample::full()] {
        let page = hydrometer_report::html(&statement, Some(&measured));
        let tags = check(&page);
        let policy = tags.iter().flat_map(|t| &t.attributes).find(|(_, v)| v.contains("default-src")).unwrap();
        assert!(policy.1.starts_with("default-src &#39;none&#39;") || policy.1.starts_with("default-src 'none'"));
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("//"));
        assert!(page.contains(&sample::SCRIPT.replace('<', "&lt;").replace('>', "&gt;")));
    }
}

#[test]
fn headings_descend_one_step_at_a_time() {
    let tags = check(&hydrometer_report::html(&sample::statement(), None));
    let mut last = 0;
    for tag in &tags {
        if let Some(level) = tag.name.strip_prefix('h').and_then(|l| l.parse::<u8>().ok()) {
            assert!(level <= last + 1, "h{level} after h{last}");
            last = level;
        }
    }
    assert_eq!(tags.iter().filter(|t| t.name == "h1").count(), 1);
    assert_eq!(tags.iter().filter(|t| t.name == "main").count(), 1);
}

#[test]
fn tables_have_captions_and_drawings_have_names() {
    let page = hydrometer_report::html(&sample::statement(), None);
    let tags = check(&page);
    let count = |name: &str| tags.iter().filter(|t| t.name == name).count();
    assert_eq!(count("table"), count("caption"));
    for th in tags.iter().filter(|t| t.name == "th") {
        assert!(th.attributes.iter().any(|(name, _)| name == "scope"));
    }
    for svg in tags.iter().filter(|t| t.name == "svg") {
        let has = |key: &str| svg.attributes.iter().any(|(name, _)| name == key);
        // Inner drawings carry no role of their own; they are placed by x.
        assert!(has("x") || has("aria-hidden") || (has("role") && (has("aria-label") || has("aria-labelledby"))));
    }
}

#[test]
fn what_is_missing_is_said() {
    let page = hydrometer_report::html(&sample::empty(), None);
    for words in [
        "not measured",
        "The vocabularies differ.",
        "token metrics are refused",
        "not passed to this report",
        "asks nothing that is answered freely",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

/// The value of an attribute of the first tag with this class.
fn attribute<'a>(tags: &'a [Tag], class: &str, name: &str) -> Option<&'a str> {
    let has = |t: &&Tag| t.attributes.iter().any(|(key, value)| key == "class" && value == class);
    Some(&tags.iter().find(has)?.attributes.iter().find(|(key, _)| key == name)?.1)
}

#[test]
fn the_cells_of_the_truth_bar_follow_each_other() {
    let tags = check(&hydrometer_report::html(&sample::statement(), None));
    // Both right 0.381, lost 0.212, gained 0.058.
    assert_eq!(attribute(&tags, "cell-lost", "x"), Some("38.10%"));
    assert_eq!(attribute(&tags, "cell-lost", "width"), Some("21.20%"));
    assert_eq!(attribute(&tags, "cell-gained", "x"), Some("59.30%"));
}

#[test]
fn agreement_is_not_drawn_without_diversity() {
    let mut statement = sample::statement();
    let drawn = "Answer agreement against diversity kept";
    assert!(hydrometer_report::html(&statement, None).contains(drawn));
    statement.metrics.retain(|metric| metric.id != "diversity_kept");
    let page = hydrometer_report::html(&statement, None);
    check(&page);
    assert!(!page.contains(drawn) && page.contains("Not drawn:"));
}

#[test]
fn the_parser_refuses_what_a_browser_would_repair() {
    for broken in ["<p><b></p></b>", "<p>a < b</p>", "<p>", "<p a=b></p>"] {
        let page = format!("<!DOCTYPE html>{broken}");
        assert!(std::panic::catch_unwind(|| parse(&page)).is_err(), "{broken}");
    }
}
