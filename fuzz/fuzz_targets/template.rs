#![no_main]

use hydrometer_models::{ChatTemplate, GenerationPrompt, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let Ok(template) = ChatTemplate::new(source, Some("<s>".to_owned()), None) else {
        return;
    };
    let messages = [Message::user("hello <b>"), Message { role: "assistant".to_owned(), content: "yes".to_owned() }];
    let _ = template.render(&messages, GenerationPrompt::Add);
});
