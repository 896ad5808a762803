//! Templates of all shapes, of our own writing.
#![allow(clippy::unwrap_used)]

use hydrometer_probes::Ask;
use hydrometer_probes::builtin::episodes::solved;
use hydrometer_probes::world::Running;

use super::*;

const HERMES: &str = "{% if tools %}<|im_start|>system\n{% if messages[0].role == 'system' %}{{ messages[0].content }}\n{% endif %}# Tools\n\
    {% for tool in tools %}{{ tool | tojson }}\n{% endfor %}Answer in <tool_call></tool_call>.<|im_end|>\n{% endif %}\
    {% for m in messages %}{% if m.role == 'tool' %}<|im_start|>user\n<tool_response>\n{{ m.content }}\n</tool_response><|im_end|>\n\
    {% elif m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls %}\n<tool_call>\n\
    {\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n\
    {% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const LLAMA3: &str = "{% for m in messages %}{% if m.tool_calls %}{% if m.tool_calls | length != 1 %}{{ raise_exception('one call') }}{% endif %}\
    assistant: {\"name\": \"{{ m.tool_calls[0].function.name }}\", \"parameters\": {{ m.tool_calls[0].function.arguments | tojson }}}\n\
    {% elif m.role == 'tool' %}ipython: {{ m.content | tojson }}\n{% else %}{{ m.role }}: {{ m.content }}\n{% endif %}\
    {% if loop.first and tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}{% endfor %}assistant:";
const MISTRAL: &str = "{% set ns = namespace(user=true) %}{% for m in messages %}{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}\
    {% if (m.role == 'user') != ns.user %}{{ raise_exception('roles must alternate') }}{% endif %}{% set ns.user = not ns.user %}{% endif %}{% endfor %}\
    {% if tools %}[AVAILABLE_TOOLS] {{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}\
    {% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }}[/INST]{% elif m.role == 'tool' %}\
    {% if m.tool_call_id | length != 9 %}{{ raise_exception('an id of nine characters') }}{% endif %}[TOOL_RESULTS] {{ m.content }}[/TOOL_RESULTS]\
    {% elif m.tool_calls %}[TOOL_CALLS] [{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\
    {% if not loop.last %}, {% endif %}{% endfor %}]</s>{% else %} {{ m.content }}</s>{% endif %}{% endfor %}";
const FUNCTIONGEMMA: &str = "{% macro said(value) %}{% if value is string %}<escape>{{ value }}<escape>{% elif value is mapping %}\
    { {%- for key, of in value | dictsort %}{{ key }}:{{ said(of) }}{% if not loop.last %},{% endif %}{% endfor -%} }{% elif value is iterable %}\
    [{% for of in value %}{{ said(of) }}{% if not loop.last %},{% endif %}{% endfor %}]{% else %}{{ value | tojson }}{% endif %}{% endmacro %}\
    {% if messages[0].role in ['system', 'developer'] %}{% set first = messages[0].content %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}\
    <start_of_turn>developer\n{{ first }}{% for tool in tools %}<start_function_declaration>declaration:{{ tool.function.name }}\
    {{ said(tool.function.parameters) }}<end_function_declaration>{% endfor %}<end_of_turn>\n\
    {% for m in rest %}{% if m.role == 'tool' %}<start_function_response>response:{{ m.name }}{value:{{ said(m.content) }}}<end_function_response>\
    {% else %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content }}{% for c in m.tool_calls %}\
    {{- '<start_function_call>call:' + c.function.name }}{{ said(c.function.arguments) }}<end_function_call>{% endfor %}\
    {% if not m.tool_calls %}<end_of_turn>\n{% endif %}{% endif %}{% endfor %}{% if messages[-1].role != 'tool' %}<start_of_turn>model\n{% endif %}";
const GEMMA: &str = "{% if messages[0].role == 'system' %}{{ raise_exception('no system messages') }}{% endif %}\
    {% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}\
    <start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}<start_of_turn>model\n";

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, None, None).unwrap()
}

#[test]
fn a_template_says_how_it_calls_tools() {
    let check = |source: &str, expected: ToolProtocol| {
        assert_eq!(template(source).tool_protocol(), expected, "{source}");
    };
    check(HERMES, ToolProtocol::Hermes);
    check(LLAMA3, ToolProtocol::Llama3);
    check(MISTRAL, ToolProtocol::Mistral);
    check(FUNCTIONGEMMA, ToolProtocol::FunctionGemma);
    check(GEMMA, ToolProtocol::Json);
    check(&format!("{HERMES}<function=example>"), ToolProtocol::Json);
    check("{% if tools is not none %}other{% endif %}{{ messages[0].content }}", ToolProtocol::Json);
}

#[test]
fn a_whole_episode_is_rendered_and_read_in_every_way() {
    for source in [HERMES, LLAMA3, MISTRAL, FUNCTIONGEMMA, GEMMA] {
        let template = template(source);
        let way = template.tool_protocol();
        for solved in solved(None, 3, 5) {
            let Ask::Episode(episode) = &solved.probe.ask else { panic!() };
            if episode.turns.len() > 4 {
                continue;
            }
            let mut running = Running::start(episode);
            // Something malformed first: it is kept, answered, and the conversation goes on.
            let malformed = way.read("{\"name\": <tool_call> [TOOL_CALLS]");
            assert!(malformed.malformed.is_some(), "{way:?}");
            running.answer(malformed);
            let mut text = String::new();
            for calls in &solved.calls {
                for call in calls {
                    for _ in 0..2 {
                        text = rendered(&template, &solved.probe, episode, running.events());
                        let said = way.read(&way.written(call));
                        assert_eq!(said.calls, std::slice::from_ref(call), "{way:?}: {said:?}");
                        running.answer(said);
                        let befallen = |event: &Event| matches!(event, Event::World(result) if result.fault.is_some());
                        if !running.events().last().is_some_and(befallen) {
                            break;
                        }
                    }
                }
                running.answer(way.read("All of it is done."));
            }
            assert!(running.outcome().success, "{way:?} {}: {:?}", solved.probe.id, running.outcome());
            assert!(text.contains("{\"name\": <tool_call> [TOOL_CALLS]") && text.contains("not a call"), "{text}");
            for tool in &episode.world.tools {
                assert!(text.contains(&tool.name), "{} is not declared: {text}", tool.name);
            }
        }
    }
}

fn rendered(template: &ChatTemplate, probe: &Probe, episode: &Episode, events: &[Event]) -> String {
    let conversation = Conversation { probe, episode, events };
    match template.tool_protocol() {
        ToolProtocol::Json => plain_text(template, &conversation.plain()).unwrap(),
        way => {
            let with_tools = conversation.in_the_words_of(way);
            template.render_with_tools(&with_tools.messages(), &with_tools.declared(), GenerationPrompt::Add).unwrap()
        }
    }
}

#[test]
fn answers_are_read_strictly_in_every_way() {
    let check = |way: ToolProtocol, text: &str, calls: usize, malformed: bool| {
        let said = way.read(text);
        assert_eq!((said.calls.len(), said.malformed.is_some()), (calls, malformed), "{way:?} {text}: {said:?}");
        assert_eq!(said.text, text);
    };
    use ToolProtocol::{Hermes, Llama3, Mistral};
    let call = r#"{"name": "a", "arguments": {"x": 1}}"#;
    check(Hermes, "It is done.", 0, false);
    check(Hermes, &format!("<tool_call>\n{call}\n</tool_call>"), 1, false);
    check(Hermes, &format!("First.\n<tool_call>{call}</tool_call>\n<tool_call>{call}</tool_call>"), 2, false);
    check(Hermes, &format!("<tool_call>{call}"), 0, true);
    check(Hermes, &format!("<tool_call>{call}</tool_call> Done."), 0, true);
    check(Hermes, &format!("{call}</tool_call>"), 0, true);
    check(Hermes, "<tool_call>{\"name\": \"a\"}</tool_call>", 0, true);
    // Without its marks it is a call where there is nothing else.
    check(Hermes, call, 1, false);
    check(Hermes, &format!("```json\n{call}\n```"), 1, false);
    check(Hermes, &format!("{call} Done."), 0, true);
    let call = r#"{"name": "a", "parameters": {"x": 1}}"#;
    check(Llama3, call, 1, false);
    check(Llama3, &format!("<|python_tag|>{call}"), 1, false);
    check(Llama3, &format!("{call}; {call}"), 0, true);
    check(Llama3, r#"{"name": "a", "arguments": {}}"#, 1, false);
    check(Llama3, r#"<|python_tag|>{"name": "a", "arguments": {}}"#, 0, true);
    check(Llama3, "<|python_tag|>a.call()", 0, true);
    check(Llama3, "Done.", 0, false);
    check(
        Mistral,
        r#"[TOOL_CALLS] [{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}, "id": "123456789"}]"#,
        2,
        false,
    );
    check(Mistral, r#"[{"name": "a", "arguments": {}}]"#, 1, false);
    check(Mistral, r#"[TOOL_CALLS] {"name": "a", "arguments": {}}"#, 0, true);
    // Thoughts in front are no part of an answer, whatever stands in them; those that do not end hold no call.
    let hermes = r#"<tool_call>{"name": "a", "arguments": {}}</tool_call>"#;
    let mistral = r#"[TOOL_CALLS] [{"name": "a", "arguments": {}}]"#;
    for (way, written) in [(Hermes, hermes), (Llama3, call), (Mistral, mistral)] {
        check(way, &format!("<think>Shall I say {written} {written}?</think>\n\n{written}"), 1, false);
        check(way, &format!("<think>Shall I say {written}?</think>\nNo."), 0, false);
        check(way, &format!("<think>Shall I say {written}?"), 0, false);
    }
    check(Mistral, "[TOOL_CALLS] []", 0, true);
    check(Mistral, r#"Now [TOOL_CALLS] [{"name": "a", "arguments": {}}]"#, 0, true);
    check(Mistral, "Done.", 0, false);
}

#[test]
fn functiongemmas_calls_are_read_as_they_are_documented() {
    let check = |text: &str, expected: Option<&[(&str, Value)]>| {
        let said = ToolProtocol::FunctionGemma.read(text);
        let found = said.calls.iter().map(|call| (call.name.as_str(), Value::from(call.arguments.clone())));
        assert_eq!(found.collect::<Vec<_>>(), expected.unwrap_or_default(), "{text}: {said:?}");
        assert_eq!((said.malformed.is_some(), said.text.as_str()), (expected.is_none(), text), "{said:?}");
    };
    let tokyo = "<start_function_call>call:get_weather{city:<escape>Tokyo, Japan<escape>}<end_function_call>";
    let weather = ("get_weather", json!({"city": "Tokyo, Japan"}));
    check(tokyo, Some(std::slice::from_ref(&weather)));
    check(&format!("I look.\n{tokyo}{tokyo}\n"), Some(&[weather.clone(), weather.clone()]));
    // It should stop where a result begins; one that it makes up is none.
    let made_up =
        "<start_function_response>response:get_weather{value:<escape>sunny<escape>}<end_function_response>Sunny.";
    check(&format!("{tokyo}{made_up}"), Some(std::slice::from_ref(&weather)));
    check(&format!("{tokyo}<start_function_response>"), Some(std::slice::from_ref(&weather)));
    check(made_up, None);
    check(&format!("{made_up}{tokyo}"), None);
    let of = |arguments: &str| format!("<start_function_call>call:a{{{arguments}}}<end_function_call>");
    check(&of(""), Some(&[("a", json!({}))]));
    check(
        &of(
            "n:-1.5, on:true,none:null,list:[<escape>x<escape>,[2]],of:{<escape>k<escape>:<escape>}{,<escape>}, empty:[]",
        ),
        Some(&[(
            "a",
            json!({"n": -1.5, "on": true, "none": null, "list": ["x", [2]], "of": {"k": "}{,"}, "empty": []}),
        )]),
    );
    for wrong in [
        "n:Tokyo",
        "n:\"Tokyo\"",
        "n",
        "n:",
        "n:1,",
        ",n:1",
        "n:1 m:2",
        "n:<escape>x",
        "n:1,n:2",
        "n:1}x",
        "a b:1",
        ":1",
        "n:{1}",
    ] {
        check(&of(wrong), None);
    }
    check(&of(&format!("n:{}", "[".repeat(40) + &"]".repeat(40))), None);
    check("<start_function_call>a{}<end_function_call>", None);
    check("<start_function_call>call:{}<end_function_call>", None);
    check("<start_function_call>call:a{}", None);
    check("call:a{}<end_function_call>", None);
    check(&format!("{tokyo} Done."), None);
    // As in the other ways: words are words, and the plain form is read.
    check("It is sunny.", Some(&[]));
    check(r#"{"name": "a", "arguments": {"x": 1}}"#, Some(&[("a", json!({"x": 1}))]));
    check(&format!("<think>{tokyo}</think>No."), Some(&[]));
}

#[test]
fn functiongemma_is_told_that_it_can_call_tools() {
    let solved = &solved(Some("tool_use"), 1, 1)[0];
    let Ask::Episode(episode) = &solved.probe.ask else { panic!() };
    let running = Running::start(episode);
    let text = rendered(&template(FUNCTIONGEMMA), &solved.probe, episode, running.events());
    let begins = "<start_of_turn>developer\nYou are a model that can do function calling with the following functions";
    assert!(text.starts_with(begins), "{text}");
    assert_eq!(text.matches("<start_function_declaration>").count(), episode.world.tools.len(), "{text}");
    let own = Episode { system: Some("Be brief.".into()), ..episode.clone() };
    let text = rendered(&template(FUNCTIONGEMMA), &solved.probe, &own, running.events());
    assert!(text.starts_with(&format!("{begins}\nBe brief.")), "{text}");
}
