//! A real template calls tools in its own way. Needs the model file; says loudly when it is absent.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::PathBuf;

use hydrometer_models::{Conversation, EngineOptions, Precision, Prompt, ToolProtocol, open};
use hydrometer_probes::Ask;
use hydrometer_probes::builtin::episodes::solved;
use hydrometer_probes::world::Running;

#[test]
fn qwen_declares_tools_and_reads_its_own_calls() {
    let folder = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache/hydrometer/models"))
    });
    let Some(path) = folder.map(|folder| folder.join("qwen-0.5b.gguf")).filter(|path| path.exists()) else {
        eprintln!("SKIPPED: qwen-0.5b.gguf is absent (scripts/fetch-models, or set HYDROMETER_MODELS)");
        return;
    };
    let model = open(&path.to_string_lossy(), &EngineOptions { precision: Precision::F32 }).unwrap();
    let answers = model.answers().unwrap();
    let way = answers.tool_protocol().unwrap();
    assert_eq!(way, ToolProtocol::Hermes);
    let solved = &solved(Some("tool_use"), 1, 1)[1];
    let Ask::Episode(episode) = &solved.probe.ask else { panic!() };
    let mut running = Running::start(episode);
    let call = &solved.calls[0][0];
    running.answer(way.read(&way.written(call)));
    let Prompt::Tokens(tokens) =
        answers.converse(&Conversation { probe: &solved.probe, episode, events: running.events() }).unwrap()
    else {
        panic!("a local model reads tokens")
    };
    let text = String::from_utf8(model.tokens().unwrap().decode(&tokens)).unwrap();
    for tool in &episode.world.tools {
        assert!(text.contains(&format!("\"name\": \"{}\"", tool.name)), "{text}");
    }
    // The call as the template writes it is the call as it is read.
    let from = text.find("<|im_start|>assistant").unwrap();
    let said = text[from..].split("<|im_end|>").next().unwrap().trim_start_matches("<|im_start|>assistant");
    assert_eq!(way.read(said).calls, std::slice::from_ref(call), "{text}");
    assert!(text.contains("<tool_response>") && text.trim_end().ends_with("<|im_start|>assistant"), "{text}");
}
