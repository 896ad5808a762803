//! Whole audits of real models, against the numbers that llama.cpp printed for the same models, text and chunks.
//!
//! Needs model files (HYDROMETER_MODELS), the text (HYDROMETER_DATA) and llama.cpp's output (HYDROMETER_REFERENCE); says
//! loudly what is absent. Run it with `cargo test -p hydrometer --test real -- --nocapture real_audit::`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let cached = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/hydrometer/models"));
    let folder = named.or_else(|| if variable == "HYDROMETER_MODELS" { cached() } else { None });
    if folder.is_none() {
        eprintln!("SKIPPED: {variable} is not set");
    }
    folder
}

fn there(path: PathBuf) -> Option<PathBuf> {
    let exists = path.exists();
    if !exists {
        eprintln!("SKIPPED: {} is absent", path.display());
    }
    exists.then_some(path)
}

struct Bench {
    models: PathBuf,
    text: PathBuf,
    reference: PathBuf,
}

impl Bench {
    fn new() -> Option<Self> {
        Some(Self {
            models: folder("HYDROMETER_MODELS")?,
            text: there(folder("HYDROMETER_DATA")?.join("wikitext2/valid.txt"))?,
            reference: folder("HYDROMETER_REFERENCE")?,
        })
    }

    fn model(&self, name: &str) -> Option<String> {
        there(self.models.join(format!("{name}.gguf"))).map(|path| path.display().to_string())
    }

    /// Audits 16 chunks of 512 tokens, as the reference did, and returns the statement.
    fn audit(&self, teacher: &str, student: &str, run: &Path) -> serde_json::Value {
        let output = Command::new(env!("CARGO_BIN_EXE_hydrometer"))
            .args(["audit", "--teacher", teacher, "--student", student, "--ctx", "512", "--chunks", "16"])
            .args(["--llama-order", "--json"])
            .arg("--text")
            .arg(&self.text)
            .arg("--out")
            .arg(run)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The number that llama.cpp printed after `label`.
    fn printed(&self, file: &str, label: &str) -> Option<f64> {
        let text = std::fs::read_to_string(there(self.reference.join(file))?).unwrap();
        let line = text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{file}: no {label}"));
        let number = line[label.len()..].trim_start_matches([' ', ':']).split([' ', '%']).next().unwrap();
        Some(number.parse().unwrap_or_else(|_| panic!("{file}: {line}")))
    }
}

fn compat(statement: &serde_json::Value, number: &str) -> f64 {
    statement["compat"][number]["value"].as_f64().unwrap()
}

/// Kernels differ (llama.cpp rounds activations to 8 bits), so the numbers do, a little.
#[test]
fn a_smaller_student_gets_the_numbers_of_llama_cpp() {
    let Some(bench) = Bench::new() else { return };
    let (Some(teacher), Some(student)) = (bench.model("qwen-1.5b"), bench.model("qwen-0.5b")) else { return };
    let file = "qwen-1.5b_to_0.5b.wikitext2-valid.16x512.txt";
    let printed = |label| bench.printed(file, label);
    let Some(mean_kl) = printed("Mean    KLD") else { return };
    let run = tempfile::tempdir().unwrap();
    let statement = bench.audit(&teacher, &student, run.path());
    assert_eq!(statement["compat"]["tokens"], 16 * 255);
    let check = |number: &str, expected: f64, tolerance: f64| {
        let found = compat(&statement, number);
        eprintln!("{number}: {found:.6}, llama.cpp {expected:.6}");
        assert!((found - expected).abs() <= tolerance, "{number}: {found}, expected {expected} ± {tolerance}");
    };
    check("mean_kl", mean_kl, 0.02 * mean_kl);
    check("same_top", printed("Same top p").unwrap() / 100.0, 0.005);
    for (number, label) in [("ppl_student", "Mean PPL(Q)  "), ("ppl_teacher", "Mean PPL(base)")] {
        let expected = printed(label).unwrap();
        check(number, expected, 0.01 * expected);
    }
}

/// The exact numbers of a model against itself are exact, no gate fails, and the floor is where it should be. So few
/// families exclude little: most gates are not passed either.
#[test]
fn a_model_loses_nothing_to_itself() {
    let Some(bench) = Bench::new() else { return };
    let Some(model) = bench.model("smollm2-135m") else { return };
    let run = tempfile::tempdir().unwrap();
    let statement = bench.audit(&model, &model, run.path());
    assert_eq!(statement["verdict"], "not_enough_evidence", "{}", statement["verdict_line"]);
    for gate in statement["gates"].as_array().unwrap() {
        assert_ne!(gate["verdict"], "fail", "{gate}");
    }
    let kl = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "kl_divergence").unwrap();
    assert!(kl["estimate"]["value"].as_f64().unwrap().abs() < 1e-6, "{kl}");
    assert!(kl["estimate"]["floor"].as_f64().unwrap() < 1e-4, "{kl}");
}
