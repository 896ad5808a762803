//! A calibration as text, as a page, and as Markdown: which figures hold, what fires at which dose, what stays quiet.

mod sections;

use hydrometer_audit::calibrate::Calibrated;
use maud::html;

use self::sections::sections;
use crate::document::{Block, Medium, Section};
use crate::html::{Shell, shell};
use crate::show;
use crate::terminal::{Page, TerminalOptions, block, files};
use crate::text::visible;

/// The two outcomes, in words that are equally loud.
fn outcome(calibrated: &Calibrated) -> &'static str {
    if calibrated.accepted { "CALIBRATED" } else { "NOT CALIBRATED" }
}

/// The outcome as one sentence.
fn line(calibrated: &Calibrated) -> String {
    let met = |met| calibrated.acceptance.iter().filter(|criterion| criterion.met == met).count() as u64;
    let few = calibrated.acceptance.iter().filter(|criterion| criterion.is_of_too_few()).count() as u64;
    let (failed, unmeasured) = (met(Some(false)), met(None) - few);
    let all = show::counted(met(Some(true)) + failed + few, "figure");
    let held = match failed {
        0 if few > 0 => format!("none of {all} of acceptance fails"),
        0 => format!("all of {all} of acceptance hold"),
        1 => format!("1 of {all} of acceptance does not hold"),
        failed => format!("{failed} of {all} of acceptance do not hold"),
    };
    let failed: Vec<_> =
        calibrated.acceptance.iter().filter(|one| one.met == Some(false)).map(sections::named).collect();
    let held = if failed.is_empty() { held } else { format!("{held} ({})", failed.join("; ")) };
    let few = if few == 0 { String::new() } else { format!("; of {few} there are too few runs to say") };
    let missing = if unmeasured == 0 { String::new() } else { format!("; {unmeasured} could not be measured") };
    format!("{held}{few}{missing}")
}

/// The sections that a medium shows, with their blocks.
fn shown(sections: &[Section], medium: Medium) -> Vec<(&Section, Vec<&Block>)> {
    let shown = sections.iter().map(|section| (section, section.shown(medium)));
    shown.filter(|(_, blocks)| !blocks.is_empty()).collect()
}

/// The calibration for a terminal, with a newline at the end.
#[must_use]
pub fn calibration_terminal(calibrated: &Calibrated, options: &TerminalOptions<'_>) -> String {
    let mut page = Page::new(options.width, options.color);
    page.paragraph(&format!("{}  ", outcome(calibrated)), &line(calibrated));
    let sections = sections(calibrated);
    for (section, blocks) in shown(&sections, Medium::Terminal) {
        block::section(&mut page, section, &blocks);
    }
    files(&mut page, options.files);
    page.text
}

/// The calibration as one file that needs no network, no script and no other file.
#[must_use]
pub fn calibration_html(calibrated: &Calibrated) -> String {
    let teacher = visible(&calibrated.setup.teacher.name);
    let version = visible(&calibrated.setup.hydrometer);
    let class = if calibrated.accepted { "masthead pass" } else { "masthead fail" };
    let sections = sections(calibrated);
    shell(Shell {
        title: &format!("{}: {teacher}", outcome(calibrated)),
        version: &version,
        masthead: html! {
            header class=(class) {
                p.kind { "Calibration of the instrument" }
                h1 {
                    span.against { "Planted defects in" } " "
                    span.teacher { bdi.foreign { (teacher) } }
                }
                div.ruling {
                    p.word { span.verdict { (outcome(calibrated)) } }
                    p.line { (line(calibrated)) }
                }
            }
        },
        sections: shown(&sections, Medium::Page),
        skip: "Skip to the figures",
        footer: html! {
            "Made by hydrometer " (version) ", format " code { (visible(&calibrated.format)) }
            ". This page computes nothing and loads nothing: every number is in " code { "calibration.json" } "."
        },
    })
}

/// The calibration as Markdown, with a newline at the end.
#[must_use]
pub fn calibration_markdown(calibrated: &Calibrated) -> String {
    let mut page = format!("**{}**: {}.\n\n", outcome(calibrated), line(calibrated));
    let sections = sections(calibrated);
    for (section, blocks) in shown(&sections, Medium::Comment) {
        page.push_str(&crate::markdown::block::section(section, &blocks));
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}
