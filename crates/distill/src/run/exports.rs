//! The students of a run in every form that the recipe names, and their cards.

use std::fs;
use std::path::Path;

use hydrometer_answers::durable;

use super::{ArmResult, Difference, Plan};
use crate::DistillError;
use crate::export::{Card, Exported, Form, Unwritten, every_form};

const CARD: &str = "README.md";

impl Plan {
    /// Writes what is missing of every arm's forms, and the cards; `unwritten` has the forms that cannot hold a student.
    pub(super) fn exports(
        &self,
        out: &Path,
        arms: &[ArmResult],
        differences: &[Difference],
        unwritten: &mut Vec<Unwritten>,
    ) -> Result<Vec<Exported>, DistillError> {
        let (samples, parameters) = (self.measured_samples(), self.student_parameters()?.0);
        let mut all = Vec::new();
        for arm in arms.iter().map(|result| result.arm) {
            let folder = out.join(arm.name());
            let exported = every_form(arm, &folder, &self.recipe.export.formats, &samples, unwritten)?;
            let (recipe, teacher, data) = (&self.recipe, self.identity(), &self.data);
            let card = Card { arm, recipe, teacher, data, parameters, arms, differences, exported: &exported };
            let (path, text) = (folder.join(Form::Hf.path()).join(CARD), card.text(out));
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                durable::replace(&path, text.as_bytes())?;
            }
            all.extend(exported);
        }
        Ok(all)
    }
}
