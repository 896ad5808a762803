//! What two models were not asked alike: then it is not the models alone that are compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Questions that were put to the two models in different words: what was compared is not the models alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DifferentPrompts {
    /// How many.
    pub prompts: u64,
    /// Probe of the first.
    pub first: String,
    /// Byte of the teacher's words at which they differ there; `None`, and absent from the file, where an earlier version did
    /// not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// The teacher's words around the first difference.
    pub teacher: String,
    /// The student's words there.
    pub student: String,
}

impl DifferentPrompts {
    /// Counts a probe when the words put to the two models differ; the first is kept with its words.
    pub fn look(found: &mut Option<DifferentPrompts>, probe: &str, teacher: &str, student: &str) {
        if teacher == student {
            return;
        }
        match found {
            Some(different) => different.prompts += 1,
            None => {
                let at = teacher.bytes().zip(student.bytes()).take_while(|(a, b)| a == b).count() as u64;
                let [teacher, student] = around_difference(teacher, student);
                *found = Some(DifferentPrompts { prompts: 1, first: probe.to_owned(), at: Some(at), teacher, student });
            }
        }
    }
}

/// Both texts around the first letter in which they differ.
fn around_difference(a: &str, b: &str) -> [String; 2] {
    const BEFORE: usize = 20;
    const SHOWN: usize = 60;
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    [a, b].map(|text| {
        let shown: String = text.chars().skip(same.saturating_sub(BEFORE)).take(SHOWN).collect();
        let dots = |more: bool| if more { "…" } else { "" };
        let cut = text.chars().count() > same.saturating_sub(BEFORE) + SHOWN;
        format!("{}{shown}{}", dots(same > BEFORE), dots(cut))
    })
}
