//! Chat templates: the Jinja text that a model ships with, rendered the way Hugging Face renders it.

mod bounds;

use std::io::Write;
use std::sync::Arc;

use minijinja::machinery::{CompiledTemplate, TemplateConfig, eval, make_string_output};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, context, escape_formatter};

use hydrometer_probes::{Role, kind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::error::shown;
use crate::gguf::Gguf;
use crate::{ModelError, Tokenizer, ToolProtocol};

const KEY: &str = "tokenizer.chat_template";
/// Steps that a template may take: real ones need some thousands per message.
const FUEL: u64 = 4_000_000;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its text.
    pub content: String,
}

impl Message {
    /// A message of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: "user".to_owned(), content: content.into() }
    }

    /// The conversation of a prompt probe, its question last.
    pub fn of_prompt(prompt: &kind::Prompt) -> Vec<Message> {
        let message = |role: &str, content: &str| Message { role: role.to_owned(), content: content.to_owned() };
        let mut messages: Vec<Message> = prompt.system.iter().map(|text| message("system", text)).collect();
        messages.extend(prompt.turns.iter().map(|turn| match turn.role {
            Role::User => message("user", &turn.text),
            Role::Assistant => message("assistant", &turn.text),
        }));
        messages.push(message("user", &prompt.prompt));
        messages
    }
}

/// Whether the rendered text ends with the words that begin the model's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationPrompt {
    /// It does: the model is to answer.
    Add,
    /// It does not: the conversation is complete.
    Leave,
}

/// A chat template that compiles.
#[derive(Debug)]
pub struct ChatTemplate {
    /// The text that is compiled anew for each conversation: that costs less than the model's first token.
    source: String,
    bos_token: Option<String>,
    eos_token: Option<String>,
    hash: String,
    tools: ToolProtocol,
}

impl ChatTemplate {
    /// Compiles a template. `bos_token` and `eos_token` are the texts that the template may refer to.
    ///
    /// # Errors
    /// The text is no valid template; the error names the line.
    pub fn new(source: &str, bos_token: Option<String>, eos_token: Option<String>) -> Result<Self, ModelError> {
        let readable = bounds::readable(source, &syntax()?)?;
        bounds::on_a_deep_stack(|| compile(&readable).map(drop))?;
        let mut hasher = blake3::Hasher::new();
        for part in [Some(source), bos_token.as_deref(), eos_token.as_deref()] {
            let part = part.map_or("none".to_owned(), |text| format!("some {} {text}", text.len()));
            hasher.update(part.as_bytes());
        }
        let tools = ToolProtocol::of(source);
        Ok(Self {
            source: readable,
            bos_token,
            eos_token,
            tools,
            hash: format!("blake3:{}", hasher.finalize().to_hex()),
        })
    }

    /// The template that a GGUF file carries, if it carries one.
    ///
    /// # Errors
    /// As [`ChatTemplate::new`].
    pub fn from_gguf(file: &Gguf) -> Result<Option<Self>, ModelError> {
        let (path, metadata) = (file.path(), file.metadata());
        let Some(source) = metadata.optional_str(path, KEY)? else {
            return Ok(None);
        };
        let tokens = metadata.optional_strings(path, "tokenizer.ggml.tokens")?.unwrap_or_default();
        let text = |key: &str| -> Result<Option<String>, ModelError> {
            let id = metadata.optional_size(path, key)?;
            Ok(id.and_then(|id| tokens.get(id).cloned()))
        };
        let bos = text("tokenizer.ggml.bos_token_id")?;
        let eos = text("tokenizer.ggml.eos_token_id")?;
        Self::new(source, bos, eos).map(Some)
    }

    /// The conversation as one text.
    ///
    /// # Errors
    /// The template refuses the messages, or asks for something that is not there.
    pub fn render(&self, messages: &[Message], prompt: GenerationPrompt) -> Result<String, ModelError> {
        let given = messages.iter().map(|m| m.role.len() + m.content.len()).sum();
        let values =
            || messages.iter().map(|m| context! { role => &m.role, content => &m.content }).collect::<Vec<Value>>();
        // Given as none, as transformers does: templates ask `tools is not none`.
        bounds::on_a_deep_stack(|| self.render_here(&values(), Value::from(()), given, prompt))
    }

    /// The conversation as a model is asked it: rendered, with what begins its answer.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`]; or the text lacks most words of the last thing that the user said, and whatever was asked, the model would
    /// be asked the same.
    pub fn ask(&self, messages: &[Message]) -> Result<String, ModelError> {
        let text = self.render(messages, GenerationPrompt::Add)?;
        let last = messages.iter().rev().find(|message| message.role == "user");
        let said = last.map_or("", |message| message.content.as_str()).to_lowercase();
        let shows = text.to_lowercase();
        let words = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let (there, lacking): (Vec<&str>, Vec<&str>) = words.partition(|word| shows.contains(word));
        // A template may take a switch or a mark out of it.
        match lacking.first().filter(|_| lacking.len() > there.len()) {
            None => Ok(text),
            Some(word) => Err(ModelError::template(format!(
                "it leaves what the user says out of the text: {} is not in {}",
                shown(word),
                shown(&text)
            ))),
        }
    }

    /// The conversation with the tools that may be called, as one text. Messages and tools are what the template makes of
    /// them: objects of `role` and `content`, perhaps `tool_calls`, and function declarations.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`].
    pub fn render_with_tools(
        &self,
        messages: &[serde_json::Value],
        tools: &serde_json::Value,
        prompt: GenerationPrompt,
    ) -> Result<String, ModelError> {
        let given = messages.iter().chain([tools]).map(|value| value.to_string().len()).sum();
        let values = || messages.iter().map(from_json).collect::<Vec<Value>>();
        bounds::on_a_deep_stack(|| self.render_here(&values(), from_json(tools), given, prompt))
    }

    /// How it puts tools and calls into words.
    pub fn tool_protocol(&self) -> ToolProtocol {
        self.tools
    }

    fn render_here(
        &self,
        messages: &[Value],
        tools: Value,
        given: usize,
        prompt: GenerationPrompt,
    ) -> Result<String, ModelError> {
        let environment = environment(bounds::Budget::new(given));
        let compiled = compile(&self.source)?;
        let root = context! {
            messages => messages,
            add_generation_prompt => prompt == GenerationPrompt::Add,
            bos_token => &self.bos_token,
            eos_token => &self.eos_token,
            tools => tools,
            documents => Value::from(()),
        };
        let mut text = String::new();
        let mut out = make_string_output(&mut text);
        let ended = eval(&environment, &compiled.instructions, root, &compiled.blocks, &mut out, AutoEscape::None);
        ended.map_err(|e| ModelError::template(describe(&e)))?;
        Ok(text)
    }

    /// Ids of the conversation, BOS in front exactly once where the model wants one.
    ///
    /// # Errors
    /// As [`ChatTemplate::ask`] and [`Tokenizer::encode_rendered`].
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        prompt: GenerationPrompt,
    ) -> Result<Vec<u32>, ModelError> {
        let text = match prompt {
            GenerationPrompt::Add => self.ask(messages)?,
            GenerationPrompt::Leave => self.render(messages, prompt)?,
        };
        Ok(tokenizer.begin(tokenizer.encode_rendered(&text)?))
    }

    /// `blake3:` hash of the template and the texts of BOS and EOS.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// A JSON value as a template sees it; the fields of an object keep their order.
fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            (None, None) => Value::from(number.as_f64()),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<Value>>()),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(key, value)| (key.as_str(), from_json(value))))
        }
    }
}

/// As Hugging Face sets up Jinja.
fn syntax() -> Result<SyntaxConfig, ModelError> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    syntax.map_err(|e| ModelError::template(describe(&e)))
}

fn compile(source: &str) -> Result<CompiledTemplate<'_>, ModelError> {
    let config = TemplateConfig { syntax_config: syntax()?, default_auto_escape: Arc::new(|_| AutoEscape::None) };
    let compiled = CompiledTemplate::new("chat", source, &config);
    let mut compiled = compiled.map_err(|e| ModelError::template(describe(&e)))?;
    bounds::check_each_value(&mut compiled);
    Ok(compiled)
}

/// What a template can call.
fn environment<'e>(budget: bounds::Budget) -> Environment<'e> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.add_function("raise_exception", |why: String| -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("the template refuses: {why}")))
    });
    // There is no `strftime_now`: a library that reads the clock would render another prompt every day. Templates
    // that ask whether it is defined (Llama 3) fall back to the date that their authors chose.
    environment.add_filter("tojson", to_json);
    environment.set_fuel(Some(FUEL));
    bounds::guard(&mut environment, &budget);
    environment.set_formatter(move |out, state, value| {
        budget.weigh(value)?;
        print_like_python(out, state, value)
    });
    environment
}

/// Python prints True, False and None.
fn print_like_python(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let printed = match value.kind() {
        ValueKind::Bool if value.is_true() => Value::from("True"),
        ValueKind::Bool => Value::from("False"),
        ValueKind::None => Value::from("None"),
        _ => return escape_formatter(out, state, value),
    };
    escape_formatter(out, state, &printed)
}

/// `tojson` as transformers has it: Python's `json.dumps(…, ensure_ascii=False)`, not Jinja's HTML-safe one.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let bad = |e: serde_json::Error| minijinja::Error::new(ErrorKind::BadSerialization, e.to_string());
    let mut out = Vec::new();
    match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(16));
            let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(bad)?;
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut out, OneLine)).map_err(bad)?,
    }
    Ok(Value::from_safe_string(String::from_utf8_lossy(&out).into_owned()))
}

/// JSON on one line with a space after commas and colons.
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

/// One line: what, where, without the source listing that minijinja's alternate form prints.
fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!(" (line {line})"));
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if what.contains("strftime_now") {
        return format!(
            "the template asks for today's date (strftime_now), which would change prompts from day to day{line}"
        );
    }
    let what: String = what.chars().take(300).collect();
    if what.contains(char::is_control) {
        return format!("{}{line}", shown(&what));
    }
    format!("{what}{line}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn render(source: &str, messages: &[Message]) -> Result<String, ModelError> {
        let template = ChatTemplate::new(source, Some("<s>".to_owned()), Some("</s>".to_owned()))?;
        template.render(messages, GenerationPrompt::Add)
    }

    fn check(source: &str, expected: &str) {
        let messages =
            [Message::user("  Héllo\n"), Message { role: "assistant".to_owned(), content: "yes".to_owned() }];
        assert_eq!(render(source, &messages).unwrap(), expected, "{source}");
    }

    #[test]
    fn what_the_user_says_is_in_the_text() {
        let ask = |source: &str| {
            let template = ChatTemplate::new(source, None, None).unwrap();
            template.ask(&[Message::user("  Is \"7\" more\nthan 6?\n")]).map_err(|error| error.to_string())
        };
        for source in [
            "{{ messages[0].content }}",
            "<{{ messages[0].content | trim }}>",
            "{{ messages | tojson }}",
            "{{ messages[0].content | upper }}",
        ] {
            ask(source).unwrap();
        }
        for source in ["hello", "{% for m in messages %}{{ m.text }}{% endfor %}", "{{ messages[0].content[:9] }}", ""]
        {
            let error = ask(source).unwrap_err();
            assert!(error.contains("it leaves what the user says out of the text: `"), "{source}: {error}");
        }
    }

    /// What each expression gives in transformers 5 (jinja2 3.1.6) with the same two messages.
    #[test]
    fn renders_like_jinja_does() {
        check("{% for m in messages %}\n{{ m.role }}\n{% endfor %}\n", "user\nassistant\n");
        check("{{ bos_token }}{{ messages[0]['content'] | trim }}{{ eos_token }}", "<s>Héllo</s>");
        check("{{ messages[0] | tojson }}", r#"{"role": "user", "content": "  Héllo\n"}"#);
        check("{{ ['a<b', 1, none, true] | tojson }}", r#"["a<b", 1, null, true]"#);
        check("{{ {'k': [1]} | tojson(indent=2) }}", "{\n  \"k\": [\n    1\n  ]\n}");
        check("{{ messages[1].content.upper() }}{{ messages[1]['content'].startswith('y') }}", "YESTrue");
        check(
            "{%- set ns = namespace(n=0) -%}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            "2",
        );
        check("{% for m in messages %}{% if loop.last %}{% break %}{% endif %}{{ m.role }}{% endfor %}", "user");
        check("   {% if tools is not none %}tools{% endif %}\nx", "x");
        check("{% if strftime_now is defined %}clock{% else %}fixed{% endif %}", "fixed");
        check("{% if add_generation_prompt %}go{% endif %}", "go");
        check("{{ messages[-1]['role'] ~ missing }}", "assistant");
        check("{{ messages[1:]|length }}", "1");
    }

    fn check_error(source: &str, fragment: &str) {
        let error = render(source, &[Message::user("x")]).unwrap_err().to_string();
        assert!(error.starts_with("chat template: ") && error.contains(fragment), "{source}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn refusals_are_clear() {
        check_error("{{ raise_exception('roles must alternate') }}", "the template refuses: roles must alternate");
        check_error("a\n{% if %}", "(line 2)");
        check_error("{{ strftime_now('%Y') }}", "today's date");
        check_error("{{ messages.nothing.more }}", "undefined");
        let loops = |text: &str| text.replace('<', "{% for a in many %}").replace('>', "{% endfor %}");
        check_error(&loops("{% set many = range(500) | list %}<<<>>>"), "fuel");
    }
}
