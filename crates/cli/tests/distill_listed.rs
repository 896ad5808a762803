//! `hydrometer distill` from a teacher behind a server that lists its most probable tokens: they are asked for once, in the folder of the
//! run, and teach as a cache of the model itself does; KL is called the bound that it is.

#![allow(clippy::unwrap_used)]

use crate::support;
use crate::teaching;

use std::fs;

use hydrometer_models::{AskedServer, ScriptedServer};
use serde_json::{Value, json};
use support::{Desk, in_one_line};
use teaching::Teaching;

const DOCUMENTS: usize = 24;
const STEPS: usize = 20;

struct Bench {
    desk: Desk,
    server: ScriptedServer,
}

impl Bench {
    fn new() -> Bench {
        let desk = Desk::new();
        desk.copy_teacher("teacher.gguf");
        let record = |i: usize| {
            json!({"prompt": format!("The tide {i} comes"), "completion": format!(" in by {i} o'clock.")}).to_string()
        };
        desk.write("data.jsonl", &(0..DOCUMENTS).map(record).collect::<Vec<_>>().join("\n"));
        // A student of its own, which differs from its teacher.
        let made = "teacher = \"teacher.gguf\"\narms = [\"hard_labels\"]\n[student]\nlayers = [0, 3]\n[data]\n\
                    files = [\"data.jsonl\"]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n\
                    [train]\nsteps = 1\nbatch_tokens = 64\nlearning_rate = 1e-9\nseed = 1\n";
        desk.write("made.toml", made);
        desk.run(0, &["distill", "made.toml", "--out", "made"]);
        let teaching = Teaching::new(usize::MAX);
        let server = ScriptedServer::start(move |asked| teaching.serve(asked)).unwrap();
        Bench { desk, server }
    }

    fn recipe(&self, name: &str, teacher: &str, arms: &str, loss: &str) {
        let recipe = format!(
            "teacher = \"{teacher}\"\narms = [{arms}]\n[student]\nmodel = \"made/start\"\n[data]\n\
             files = [\"data.jsonl\"]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n{loss}\n\
             [train]\nsteps = {STEPS}\nbatch_tokens = 64\nlearning_rate = 1e-3\nseed = 1\nevaluate_tokens = 30\n\
             evaluate_every = 10\n",
        );
        self.desk.write(name, &recipe);
    }

    fn served(&self, scheme: &str) -> String {
        format!("{scheme}:{}#embedded", self.server.address())
    }

    fn distill(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        in_one_line(self.desk.run(code, &[&["distill"], arguments].concat()))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.desk.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// A number of every step of an arm.
    fn course(&self, out: &str, key: &str) -> Vec<f64> {
        let lines = self.read(&format!("{out}/distilled/metrics.jsonl"));
        lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()[key].as_f64()).collect()
    }
}

const LOSS: &str = "[loss]\ndivergence = { top_k_tail = { k = 12 } }\nhard = 0.1";
const ARMS: &str = "\"distilled\", \"hard_labels\"";

#[test]
fn what_a_server_lists_teaches_as_a_cache_of_the_model_does() {
    let bench = Bench::new();
    let kept = ["--mass", "1", "--k-min", "12", "--k-max", "12", "--draws", "0"];
    let collect = ["distributions", "collect", "--teacher", "teacher.gguf", "--cache", "here", "--data", "data.jsonl"];
    bench.desk.run(0, &[&collect[..], &["--ctx", "64"], &kept].concat());
    bench.recipe("here.toml", "here", ARMS, LOSS);
    bench.distill(0, &["here.toml", "--out", "out-here"]);
    let here = bench.course("out-here", "loss");
    assert_eq!(here.len(), STEPS);
    assert!(here[STEPS - 1] < 0.9 * here[0], "{here:?}");
    for scheme in ["vllm", "llama-server"] {
        let (recipe, out) = (format!("{scheme}.toml"), format!("out-{scheme}"));
        bench.recipe(&recipe, &bench.served(scheme), ARMS, LOSS);
        let [told, talk] = bench.distill(0, &[&recipe, "--out", &out]);
        assert!(talk.contains("12 tokens a position in"), "{scheme}: {talk}");
        for (there, here) in bench.course(&out, "loss").iter().zip(&here) {
            assert!((there - here).abs() < 1e-4, "{scheme}: {there} {here}");
        }
        // KL is called what it is: in the table, in the result, on the card, in the page.
        assert!(told.contains("≥ 0.") && told.contains("KL is at least what stands behind ≥"), "{scheme}: {told}");
        assert!(told.contains("KL bound, nats") && told.contains("nothing is drawn from it"), "{scheme}: {told}");
        assert!(talk.contains("step 20: held-out KL at least 0."), "{scheme}: {talk}");
        for arm in ["distilled", "hard_labels"] {
            let [there, here] =
                [&out, "out-here"].map(|out| bench.json(&format!("{out}/{arm}/result.json"))["end"].clone());
            assert_eq!((&there["kl_divergence"], &there["tail_kept"]), (&Value::Null, &Value::Null), "{scheme}");
            let [there, here] = [there, here].map(|end| end["kl_lower_bound"]["value"].as_f64().unwrap());
            assert!(there > 0.0 && (there - here).abs() < 1e-3, "{scheme}, {arm}: {there} {here}");
        }
        let card = bench.read(&format!("{out}/distilled/student/README.md"));
        assert!(
            card.contains("| at least 0.") && card.contains("Lower bound of KL of `distilled` less that of"),
            "{card}"
        );
        assert!(bench.read(&format!("{out}/report.md")).contains("KL is at least what stands behind ≥"));
        // A finished run asks nobody.
        let asked = bench.server.asked().len();
        bench.distill(0, &[&recipe, "--out", &out]);
        assert_eq!(bench.server.asked().len(), asked, "{scheme}");
    }
    // What is neither learnt nor measured is not asked for.
    let of = |asked: &AskedServer| asked.path == "/v1/completions";
    let asked = bench.server.asked().into_iter().filter(of).count();
    let held_out = bench.json("out-vllm/run.json");
    assert!(asked < DOCUMENTS, "{asked}: {held_out}");
}

#[test]
fn a_bound_is_never_above_the_divergence_that_it_bounds() {
    let bench = Bench::new();
    bench.recipe("listed.toml", &bench.served("vllm"), "\"distilled\"", LOSS);
    bench.distill(0, &["listed.toml", "--out", "listed"]);
    let live = bench.read("listed.toml").replace(&bench.served("vllm"), "teacher.gguf");
    bench.desk.write("live.toml", &live);
    bench.distill(0, &["live.toml", "--out", "live"]);
    let [bound, exact] = [("listed", "kl_lower_bound"), ("live", "kl_divergence")].map(|(out, number)| {
        let start = bench.json(&format!("{out}/distilled/result.json"))["start"].clone();
        start[number]["value"].as_f64().unwrap_or_else(|| panic!("{start}"))
    });
    assert!(bound < exact && bound > 0.5 * exact, "{bound} {exact}");
}

#[test]
fn a_loss_that_a_list_does_not_serve_is_refused_before_anybody_is_asked() {
    let bench = Bench::new();
    let check = |arms: &str, loss: &str, expected: &str| {
        bench.recipe("other.toml", &bench.served("vllm"), arms, loss);
        let [_, talk] = bench.distill(2, &["other.toml", "--out", "other"]);
        assert!(talk.contains(expected), "{talk}");
    };
    let wants = "expected { top_k_tail = { k = 64 } }";
    check(ARMS, "[loss]\ndivergence = \"forward_kl\"", wants);
    check(ARMS, "[loss]\ndivergence = { stratified = { k = 8, draws = 4 } }", wants);
    check(
        ARMS,
        &format!("{LOSS}\ntemperature = 2.0"),
        "loss.temperature: expected 1, at which a server lists probabilities",
    );
    check(ARMS, "", "loss: expected a table `[loss]` with a divergence");
    assert!(bench.server.asked().is_empty());
    // Who learns no distributions needs no loss.
    bench.recipe("text.toml", &bench.served("vllm"), "\"hard_labels\"", "");
    let [found, _] = bench.distill(0, &["text.toml", "--check"]);
    assert!(found.contains("24 documents"), "{found}");
}
