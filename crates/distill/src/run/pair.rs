//! Where a teacher and the model that its student begins as read and end texts differently: most of it
//! stops no training and is found out afterwards, when the student is served.

use hydrometer_answers::ModelIdentity;
use hydrometer_models::Checkpoint;

use crate::DistillError;
use crate::data::{Findings, Weight};

/// Compares two models; the data are encoded as the teacher reads them, the student is written with files of its own.
pub(super) fn look(teacher: &Checkpoint, student: &Checkpoint, found: &mut Findings) -> Result<(), DistillError> {
    let templates = [teacher.template()?, student.template()?];
    let [of_teacher, of_student] = templates.map(|template| template.map(|template| template.hash().to_owned()));
    templates_differ(
        of_teacher.as_deref(),
        of_student.as_deref(),
        "teacher's, and the files of the student keep its own",
        found,
    );
    let [ours, theirs] = [teacher.tokenizer()?, student.tokenizer()?];
    if ours.eos() != theirs.eos() {
        let name = |token: Option<u32>| {
            token.map_or("nothing".to_owned(), |token| String::from_utf8_lossy(&ours.piece(token)).into_owned())
        };
        let what = format!(
            "texts end with {} by the teacher's tokenizer, with {} by the student's, which its files keep: served, it may not stop",
            name(ours.eos()),
            name(theirs.eos())
        );
        found.add(Weight::Note, &what, String::new());
    }
    logits_differ(teacher.config.vocab, student.config.vocab, found);
    Ok(())
}

/// Compares what is known of a teacher that is a cache; the data are encoded as the student reads them.
pub(super) fn look_at_kept(
    teacher: &ModelIdentity,
    student: &Checkpoint,
    found: &mut Findings,
) -> Result<(), DistillError> {
    let of_student = student.template()?.map(|template| template.hash().to_owned());
    // Of a teacher behind an endpoint nobody knows the template.
    if teacher.unknown.is_none() {
        templates_differ(
            teacher.template.as_deref(),
            of_student.as_deref(),
            "student's; the cache was filled with the other",
            found,
        );
    }
    if let Some(vocab) = teacher.vocab_size {
        logits_differ(vocab as usize, student.config.vocab, found);
    }
    Ok(())
}

fn templates_differ(teacher: Option<&str>, student: Option<&str>, used: &str, found: &mut Findings) {
    let which = match (teacher, student) {
        (None, None) => return,
        (Some(teacher), Some(student)) if teacher == student => return,
        (Some(_), Some(_)) => "the chat templates of teacher and student differ",
        (Some(_), None) => "the teacher has a chat template, the student none",
        (None, Some(_)) => "the student has a chat template, the teacher none",
    };
    found.add(Weight::Note, &format!("{which}: conversations are read with the {used}"), String::new());
}

fn logits_differ(teacher: usize, student: usize, found: &mut Findings) {
    if teacher != student {
        let what = format!(
            "the teacher has {teacher} logits a position, the student {student}: their vocabularies are padded differently, and \
             their distributions cannot be compared"
        );
        found.add(Weight::Refusal, &what, String::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_that_are_padded_differently_are_refused() {
        let findings = |teacher, student| {
            let mut found = Findings::default();
            logits_differ(teacher, student, &mut found);
            found.iter().map(|finding| (finding.weight, finding.what.clone())).collect::<Vec<_>>()
        };
        assert!(findings(151_936, 151_936).is_empty());
        let found = findings(152_064, 151_936);
        assert!(
            matches!(&found[..], [(Weight::Refusal, what)] if what.contains("152064 logits a position, the student 151936"))
        );
    }
}
