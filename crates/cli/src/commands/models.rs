//! `hydrometer models`: what can stand in the place of a model, what it shows, and what it needs.

use std::fmt::Write;

use hydrometer_models::{Named, Offer, SCHEMES, Scheme};
use serde_json::{Value, json};

use super::as_json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Flags of `models`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
}

/// What runs here, or ran before: names and what they are.
struct Kind {
    what: &'static str,
    names: &'static [[&'static str; 2]],
    example: &'static str,
}

const HERE: Kind = Kind {
    what: "A model that runs here shows logits, tokens, answers and choices. Two of them with one vocabulary are audited in regime R0.",
    names: &[
        ["FILE.gguf", "a GGUF file"],
        ["FOLDER", "a Hugging Face folder with safetensors"],
        ["hf:ORG/NAME[@REV][/FILE]", "one of these from the Hugging Face hub, fetched once (docs/hub.md)"],
        ["scripted:FILE.toml", "distributions written in a file (docs/test-models.md)"],
        ["planted:DEFECT(MODEL)", "one of these with a known defect (docs/test-models.md)"],
    ],
    example: "hydrometer audit --teacher big.gguf --student small.gguf",
};

const KEPT: Kind = Kind {
    what: "Answers that are kept stand in for a model that need not run: regime R3 or R4, nothing is asked of anybody (docs/endpoints.md).",
    names: &[
        ["answers:STORE#MODEL", "an answer store"],
        ["answers:RUN#teacher", "a finished run: its teacher, student, base or control"],
        ["answers:LOG", "answers that another tool logged"],
    ],
    example: "hydrometer audit --teacher answers:run#teacher --student small.gguf --probes prompts.jsonl",
};

const ENDPOINTS: &str = "\
A model behind an endpoint shows what its server shows. docs/evidence.md says which evidence that is, and what can be said of it;
docs/servers says how each server is started. `hydrometer check` looks at one. A key stands in an environment variable, or in a file that
the same variable with _FILE behind it names; so do headers, as lines `Name: value`.
";

/// Prints the list.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let all = if arguments.json {
        let endpoints: Vec<Value> = SCHEMES.iter().map(of_scheme).collect();
        as_json(&json!({"here": of_kind(&HERE), "kept": of_kind(&KEPT), "endpoints": endpoints}))?
    } else {
        let endpoints: String = SCHEMES.iter().map(in_words).collect();
        [&words_of_kind(&HERE), &words_of_kind(&KEPT), ENDPOINTS, &endpoints].concat()
    };
    terminal.data(&all)?;
    Ok(Exit::Done)
}

fn of_kind(Kind { what, names, example }: &Kind) -> Value {
    let named = |[name, what]: &[&str; 2]| json!({"name": name, "what": what});
    json!({"what": what, "names": names.iter().map(named).collect::<Vec<_>>(), "example": example})
}

fn words_of_kind(Kind { what, names, example }: &Kind) -> String {
    let names: String = names.iter().map(|[name, what]| format!("  {name:<24} {what}\n")).collect();
    format!("{what}\n{names}  Example: {example}\n\n")
}

/// The names by which a scheme's models are called.
fn forms(scheme: &Scheme) -> [String; 2] {
    let name = scheme.name;
    match scheme.model {
        Named::Always => [format!("{name}:MODEL"), format!("{name}:URL#MODEL")],
        Named::IfSeveral => [format!("{name}:URL"), format!("{name}:URL#MODEL")],
    }
}

/// What is shown, the best regime that comes of it, and the flag that asks for it where one must be said.
fn shown(offer: Offer) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    match offer {
        Offer::Answers => ("answers", Some("R4"), None),
        Offer::DrawnLetters => ("drawn letters of choices", Some("R4"), Some("--letters N")),
        Offer::ListedLetters => ("listed letters of choices", Some("R2"), Some("--letters N")),
        Offer::ListedAnswers => ("lists along its answers", Some("R2"), Some("--listed-answers N")),
        Offer::Positions => ("lists behind any text", Some("R1"), None),
        Offer::EveryToken => ("every token behind any text", Some("R0"), Some("--full-logprobs")),
        Offer::Embeddings => ("embeddings", None, Some("--radius-encoder")),
        Offer::Batches => ("batches", None, Some("--batch")),
    }
}

fn example(scheme: &Scheme) -> String {
    format!("hydrometer audit --teacher {} --student small.gguf", scheme.example)
}

fn of_scheme(scheme: &Scheme) -> Value {
    let shows = |offer: Offer| {
        let (what, regime, flag) = shown(offer);
        json!({"what": what, "regime": regime, "flag": flag})
    };
    json!({
        "scheme": scheme.name, "names": forms(scheme), "what": scheme.what, "base": scheme.base,
        "shows": scheme.offers().into_iter().map(shows).collect::<Vec<_>>(),
        "key": scheme.key, "needs_key": scheme.needs_key(), "headers": scheme.headers(), "example": example(scheme),
    })
}

fn in_words(scheme: &Scheme) -> String {
    let shows = |offer: Offer| {
        let (what, regime, flag) = shown(offer);
        let beside: Vec<&str> = regime.into_iter().chain(flag).collect();
        format!("{what} ({})", beside.join(", "))
    };
    let shows: Vec<String> = scheme.offers().into_iter().map(shows).collect();
    let needed = if scheme.needs_key() { "needed" } else { "where the server wants one" };
    let mut text = format!("  {}\n      {}\n", forms(scheme).join(", "), scheme.what);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "      shows: {}\n      address where none is named: {}\n      key: {} ({needed}); headers: {}\n      example: {}\n",
        shows.join(", "),
        scheme.base,
        scheme.key,
        scheme.headers(),
        example(scheme)
    );
    text
}
