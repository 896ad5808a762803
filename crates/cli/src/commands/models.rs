//! `hydrometer models`: what can stand in the place of a model, what it shows, and what it needs.

use std::fmt::Write;

use hydrometer_models::{Named, SCHEMES};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What runs here.
const LOCAL: &str = "\
A model that runs here shows logits, tokens, answers and choices. Two of them with one vocabulary are audited in regime R0.
  FILE.gguf                a GGUF file
  FOLDER                   a Hugging Face folder with safetensors
  hf:ORG/NAME[@REV][/FILE] one of these from the Hugging Face hub, fetched once (docs/hub.md)
  scripted:FILE.toml       distributions written in a file (docs/test-models.md)
  planted:DEFECT(MODEL)    one of these with a known defect (docs/test-models.md)
  Example: hydrometer audit --teacher big.gguf --student small.gguf

Answers that are kept stand in for a model that need not run: regime R3 or R4, nothing is asked of anybody (docs/endpoints.md).
  answers:STORE#MODEL      an answer store
  answers:RUN#teacher      a finished run: its teacher, student, base or control
  answers:LOG              answers that another tool logged
  Example: hydrometer audit --teacher answers:run#teacher --student small.gguf --probes prompts.jsonl

A model behind an endpoint shows its answers. Audits of it are in regime R4: what both answer is compared, texts are left out, and
choices unless --letters asks for them. A model behind vLLM, SGLang or llama-server also shows its most probable tokens: against one that runs here texts are compared in regime R1. Any other whose chats list tokens (top_logprobs) shows them along its own answers: --listed-answers compares these in regime R2.
`hydrometer check` looks at an endpoint. Its key stands in an environment variable, or in a file that the same variable with _FILE behind it names.
";

/// Prints the list.
pub fn run(terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut text = LOCAL.to_owned();
    for scheme in SCHEMES {
        let name = scheme.name;
        let forms = match scheme.model {
            Named::Always => format!("{name}:MODEL, {name}:URL#MODEL"),
            Named::IfSeveral => format!("{name}:URL, {name}:URL#MODEL"),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  {forms}\n      {}\n      address where none is named: {}\n      key: {}\n      example: hydrometer audit \
             --teacher {} --student small.gguf\n",
            scheme.what, scheme.base, scheme.key, scheme.example
        );
    }
    text += "docs/endpoints.md says how each server is best started, and what is sent to it.\n";
    terminal.data(&text)?;
    Ok(Exit::Done)
}
