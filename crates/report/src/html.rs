//! The statement as one HTML file: no request, no script, light, dark and print.

mod block;
mod case;
mod strip;
mod table;
mod text;

use hydrometer_audit::Statement;
use hydrometer_metrics::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::text::foreign;
use crate::document::{Block, Document, Masthead, Medium, Section};
use crate::measured::Measured;
use crate::plot::ruling;
use crate::section::{Source, document};
use crate::show;
use crate::text::visible;

const STYLE: &str = include_str!("html/style.css");
/// Nothing may be loaded, run, framed or sent; only the style sheet inside the file applies.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole report as one file. It needs no network, no script and no other file.
#[must_use]
pub fn html(statement: &Statement, measured: Option<&Measured>) -> String {
    page(&document(&Source { statement, measured }))
}

/// A report as one file.
pub(crate) fn page(document: &Document) -> String {
    let top = &document.masthead;
    let (student, teacher) = (visible(&top.student), visible(&top.teacher));
    let version = visible(&top.hydrometer);
    shell(Shell {
        title: &format!("{}: {student} against {teacher}", show::verdict(top.verdict)),
        version: &version,
        masthead: masthead(top),
        sections: document.shown(Medium::Page),
        skip: "Skip to the numbers",
        footer: html! {
            "Issued by hydrometer " (version) ", format " code { (visible(&top.format)) }
            ". This page computes nothing and loads nothing: every number is in "
            code { "statement.json" } " of run " code.hash { (visible(&top.run)) } "."
        },
    })
}

/// What a page is made of.
pub(crate) struct Shell<'a> {
    pub(crate) title: &'a str,
    /// Version of hydrometer.
    pub(crate) version: &'a str,
    pub(crate) masthead: Markup,
    /// With the blocks that are shown.
    pub(crate) sections: Vec<(&'a Section, Vec<&'a Block>)>,
    /// What leads past the masthead.
    pub(crate) skip: &'a str,
    pub(crate) footer: Markup,
}

/// One file that needs no network, no script and no other file.
pub(crate) fn shell(Shell { title, version, masthead, sections, skip, footer }: Shell<'_>) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "hydrometer " (version) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @if let Some((first, _)) = sections.first() { a.skip href={ "#" (first.id) } { (skip) } }
                (masthead)
                div.frame {
                    nav aria-label="Contents" {
                        ol { @for (section, _) in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    main {
                        @for (section, blocks) in &sections {
                            section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                                h2 id={ (section.id) "-title" } { (section.title) }
                                (block::blocks(blocks.iter().copied()))
                            }
                        }
                    }
                }
                footer { p { (footer) } }
            }
        }
    }
    .into_string()
}

/// The verdict, in words, before anything else.
fn masthead(top: &Masthead) -> Markup {
    let class = match top.verdict {
        Verdict::Pass => "masthead pass",
        Verdict::Fail => "masthead fail",
        Verdict::NotEnoughEvidence => "masthead open",
    };
    html! {
        header class=(class) {
            p.kind { "Distillation Loss Statement" }
            h1 {
                span.student { (foreign(&top.student)) }
                " "
                span.against { "against its teacher" }
                " "
                span.teacher { (foreign(&top.teacher)) }
            }
            div.ruling {
                p.word { (ruling(top.verdict)) }
                p.line { (visible(&top.line)) }
            }
            (block::facts("facts", &top.facts))
        }
    }
}
