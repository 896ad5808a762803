//! The model card of an exported student: what it was made of, what it was measured to be, and how to measure more.

use std::fmt::Write;
use std::path::Path;

use hydrometer_answers::ModelIdentity;
use hydrometer_metrics::Estimate;
use hydrometer_probes::counted::{counted, grouped};

use super::Exported;
use crate::data::Preflight;
use crate::network::Precision;
use crate::recipe::{Arm, Recipe};
use crate::run::{ArmResult, Difference, Measured};
use crate::train::KeptTeacher;

/// Everything that a card says.
pub struct Card<'a> {
    /// Whose student.
    pub arm: Arm,
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The teacher.
    pub teacher: &'a ModelIdentity,
    /// The data.
    pub data: &'a Preflight,
    /// Number of weights of the student.
    pub parameters: usize,
    /// All arms, and how they differ.
    pub arms: &'a [ArmResult],
    /// See there.
    pub differences: &'a [Difference],
    /// The forms of this arm.
    pub exported: &'a [Exported],
}

impl Card<'_> {
    /// The card as Markdown; `out` is the folder of the run as the user named it.
    #[must_use]
    pub fn text(&self, out: &Path) -> String {
        let mut text = String::from(
            "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- distillation\n---\n\n",
        );
        let (teacher, arm) = (line(&self.teacher.name), self.arm.name());
        let _ = write!(
            text,
            "# A student of {teacher}\n\nTrained by hydrometer {} as the arm `{arm}` of the recipe below: {} weights.\n\n",
            env!("CARGO_PKG_VERSION"),
            grouped(self.parameters as u64),
        );
        self.made_of(&mut text);
        self.measured(&mut text);
        self.files(&mut text);
        let student = out.join(arm).join("student");
        let _ = write!(
            text,
            "## What did it lose?\n\nThe numbers above are of documents like those it was trained on. What it lost elsewhere an \
             audit says:\n\n```sh\nhydrometer audit --teacher {} --student {} --base {}\n```\n\n",
            self.audited_beside(),
            student.display(),
            out.join("start").display(),
        );
        let recipe = toml::to_string(self.recipe).unwrap_or_default();
        let _ =
            write!(text, "## Recipe\n\n`{}`\n\n```toml\n{}```\n", self.recipe.hash(), recipe.replace("```", "` ` `"));
        text
    }

    /// The teacher of the audit: a cache of the training data's distributions cannot be asked about other texts.
    fn audited_beside(&self) -> String {
        if KeptTeacher::is_at(&self.recipe.teacher) {
            "TEACHER".to_owned()
        } else {
            self.recipe.teacher.display().to_string()
        }
    }

    fn made_of(&self, text: &mut String) {
        let data = self.data;
        let rows = [
            ("teacher", format!("{}, `{}`", line(&self.teacher.name), self.teacher.weights)),
            (
                "tokenizer and chat template",
                "the teacher's, or those of the model that the student began as".to_owned(),
            ),
            ("data", format!("{}, `{}`", counted(data.documents, "document"), data.hash)),
            (
                "samples",
                format!(
                    "{} trained on, {} held out",
                    grouped(data.train.len() as u64),
                    grouped(data.held_out.len() as u64)
                ),
            ),
            (
                "products of training",
                match self.recipe.train.precision {
                    Precision::F32 => "in f32".to_owned(),
                    Precision::Bf16x3 => {
                        "of factors as two bf16 each, with sums in f32; weights and moments in f32".to_owned()
                    }
                    Precision::Bf16 => "in bf16 with sums in f32; weights and moments in f32".to_owned(),
                },
            ),
            ("licence", "that of the teacher and of the data hold; this file does not know them".to_owned()),
        ];
        text.push_str("## What it was made of\n\n| | |\n|---|---|\n");
        for (name, value) in rows {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        text.push('\n');
    }

    fn measured(&self, text: &mut String) {
        text.push_str("## On the held-out documents\n\n");
        text.push_str("| student | KL(teacher ‖ student), nats a token | tail kept | cross-entropy, nats a token |\n|---|---|---|---|\n");
        let start = self.arms.iter().find_map(|arm| arm.start.as_ref()).map(|start| ("before training", Some(start)));
        let ends = self.arms.iter().map(|arm| (arm.arm.name(), arm.end.as_ref()));
        for (name, measured) in start.into_iter().chain(ends) {
            let cells = match measured {
                None => ["nothing was held out".to_owned(), "–".to_owned(), "–".to_owned()],
                Some(measured) => {
                    let tail = measured.tail_kept.as_ref().map_or("–".to_owned(), |tail| number(tail, 4));
                    let kl = match (&measured.kl_divergence, &measured.kl_lower_bound) {
                        (Some(kl), _) => number(kl, 4),
                        (None, Some(bound)) => format!("at least {}", number(bound, 4)),
                        (None, None) => "the teacher shows only its answers".to_owned(),
                    };
                    [kl, tail, format!("{:.4}", measured.cross_entropy)]
                }
            };
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        self.learnt(text);
        if self.arms.iter().filter_map(|arm| arm.end.as_ref()).any(|end| end.kl_lower_bound.is_some()) {
            text.push_str(
                "The teacher lists its most probable tokens and draws none of the others: the KL divergence is at least that of the listed \
                 tokens with all others as one cell, which is what stands here and what the arms are compared by.\n\n",
            );
        }
        let of_kl = |difference: &&Difference| {
            [Difference::KL, Difference::KL_LOWER_BOUND].contains(&difference.number.as_str())
        };
        for difference in self.differences.iter().filter(of_kl) {
            let interval = difference.interval.as_ref();
            let interval = interval.map_or(String::new(), |i| format!(" [{:+.4}, {:+.4}]", i.low, i.high));
            let (a, b) = (difference.a.name(), difference.b.name());
            let _ = writeln!(
                text,
                "{} of `{b}` less that of `{a}`, on the same documents: {:+.4}{interval}.\n",
                if difference.number == Difference::KL { "KL" } else { "Lower bound of KL" },
                difference.difference
            );
        }
    }

    /// What was measured, and what each arm learnt from: arms end at different steps where there is patience, and their batches
    /// differ where their texts do.
    fn learnt(&self, text: &mut String) {
        let kl = |end: &Measured| end.kl_divergence.as_ref().or(end.kl_lower_bound.as_ref()).map(|kl| kl.n_families);
        let measured = self.arms.iter().find_map(|arm| kl(arm.end.as_ref()?));
        let over = measured.map_or("documents".to_owned(), |documents| {
            let all = self.data.held_out_documents.len() as u64;
            format!("{} of the {} held out", counted(documents, "document"), grouped(all))
        });
        let _ = writeln!(text, "\nIntervals are of 95 %, over {over}. All arms began with the same weights.\n");
        for result in self.arms {
            let from = match result.arm {
                Arm::Distilled | Arm::Sparse => "the texts and the teacher's distributions over them",
                Arm::HardLabels => "the texts without the teacher",
                Arm::TeacherText => "the teacher's own answers to the same prompts",
            };
            let (arm, tokens, steps) = (result.arm.name(), grouped(result.tokens), counted(result.steps, "step"));
            let kept = if result.best == result.steps {
                String::new()
            } else {
                format!(", with the weights of step {}", grouped(result.best))
            };
            let _ = writeln!(text, "- `{arm}` learnt from {from}: {tokens} tokens in {steps}{kept}.");
        }
        text.push('\n');
    }

    fn files(&self, text: &mut String) {
        text.push_str("## Files\n\n| form | file | bytes of weights | KL(trained ‖ exported), nats a token | its floor |\n|---|---|---|---|---|\n");
        for exported in self.exported {
            let kl = exported.kl_divergence.as_ref().map_or("nothing was held out".to_owned(), small);
            let path = exported.path.display();
            let floor = exported.kl_divergence.as_ref().and_then(|kl| kl.floor);
            let floor = floor.map_or("–".to_owned(), |floor| format!("{floor:.1e}"));
            let _ = writeln!(text, "| `{}` | `{path}` | {} | {kl} | {floor} |", exported.form, grouped(exported.bytes));
        }
        text.push_str(
            "\nThe floor is the same number of the trained weights and themselves, scored twice in different blocks.\n",
        );
        for exported in self.exported {
            for note in &exported.notes {
                let _ = write!(text, "\n`{}`: {note}.\n", exported.form);
            }
        }
        text.push('\n');
    }
}

fn number(estimate: &Estimate, digits: usize) -> String {
    let interval = estimate.interval.as_ref();
    let interval = interval.map_or(String::new(), |i| format!(" [{:.digits$}, {:.digits$}]", i.low, i.high));
    format!("{:.digits$}{interval}", estimate.value)
}

/// A number that may be as small as rounding.
fn small(estimate: &Estimate) -> String {
    let interval = estimate.interval.as_ref();
    let interval = interval.map_or(String::new(), |i| format!(" [{:.1e}, {:.1e}]", i.low, i.high));
    format!("{:.1e}{interval}", estimate.value)
}

/// A name from a file as part of a line of Markdown.
fn line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || "|`<>[]*_#\\".contains(c) { ' ' } else { c }).collect()
}
