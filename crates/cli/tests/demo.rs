//! The demo with two of its students and few answers; `.ci/run` runs the whole of it and looks at every verdict.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_demo_needs_nothing_and_tells_its_students_apart() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hydrometer"))
        .current_dir(folder.path())
        .args(["demo", "--only", "student", "--only", "tail_truncated", "--answers", "4"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |student: &str| {
        let line = text.lines().find(|line| line.starts_with(student)).unwrap_or_else(|| panic!("{student}: {text}"));
        line[student.len()..].split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // KL, tail kept, sharpness, same top, choice D2, diversity, verdict.
    for (student, tail_kept, same_top) in
        [("distilled on the centre only", "0.675", "0.719"), ("tail cut off", "0.000", "1.000")]
    {
        let row = row(student);
        assert_eq!((row[1].as_str(), row[3].as_str(), row[6].as_str()), (tail_kept, same_top, "FAIL"), "{student}");
    }
    assert!(!text.contains("the teacher itself"), "{text}");
    for run in ["student", "tail_truncated"] {
        let report = folder.path().join("hydrometer-demo").join(run).join("report.html");
        assert!(report.is_file(), "{}", report.display());
    }
    // At the centre the student does what its teacher does; far from it, it does not.
    let statement = std::fs::read(folder.path().join("hydrometer-demo/student/statement.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&statement).unwrap();
    let mut outermost = Vec::new();
    for axis in statement["geometry"]["axes"].as_array().unwrap() {
        let rings = axis["rings"].as_array().unwrap();
        let of = |ring: &serde_json::Value| {
            ["student", "teacher"].map(|model| ring[model]["value"].as_f64().unwrap_or_default())
        };
        let [student, teacher] = of(&rings[0]);
        assert!(teacher >= 0.8 && student >= 0.95 * teacher, "{}: {student} of {teacher}", axis["axis"]);
        assert!(axis["safe_reach"].as_f64() < axis["teacher_reach"].as_f64(), "{axis}");
        outermost.push((axis["axis"].as_str().unwrap(), of(&rings[rings.len() - 1])));
    }
    let (_, [student, teacher]) = outermost.into_iter().find(|(axis, _)| *axis == "novel_instructions").unwrap();
    assert!(student < 0.5 && teacher > 0.9, "{student} of {teacher}");
}

/// A few steps of each way to learn: what the whole demo says, docs/distil.md shows.
#[test]
fn the_demo_trains_a_student_in_four_ways() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |steps: &str| {
        Command::new(env!("CARGO_BIN_EXE_hydrometer"))
            .current_dir(folder.path())
            .args(["demo", "distill", "--steps", steps, "--documents", "100", "--out", "tour"])
            .output()
            .unwrap()
    };
    let output = demo("2");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    for row in
        ["start  ", "distilled  ", "sparse  ", "teacher_text  ", "hard_labels  ", "A is hard_labels, B is distilled"]
    {
        assert!(text.lines().any(|line| line.starts_with(row)), "{row}: {text}");
    }
    assert!(folder.path().join("tour/distill/students/report.md").is_file());
    // Other steps are other students: the recipe of those that are there stays.
    let other = demo("3");
    let stderr = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("recipe.toml is another one") && stderr.contains("hint: name another folder"), "{stderr}");
    let recipe = std::fs::read_to_string(folder.path().join("tour/distill/recipe.toml")).unwrap();
    assert!(recipe.contains("steps = 2\n"), "{recipe}");
}
