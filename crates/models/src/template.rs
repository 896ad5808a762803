//! Chat templates: the Jinja text that a model ships with, rendered the way Hugging Face renders it.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};

use crate::error::shown;
use crate::gguf::Gguf;
use crate::{ModelError, Tokenizer};

const KEY: &str = "tokenizer.chat_template";

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// Whether the rendered text ends with the words that begin the model's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationPrompt {
    /// It does: the model is to answer.
    Add,
    /// It does not: the conversation is complete.
    Leave,
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos_token: Option<String>,
    eos_token: Option<String>,
    hash: String,
}

impl ChatTemplate {
    /// Compiles a template. `bos_token` and `eos_token` are the texts that the template may refer to.
    ///
    /// # Errors
    /// The text is no valid template; the error names the line.
    pub fn new(source: &str, bos_token: Option<String>, eos_token: Option<String>) -> Result<Self, ModelError> {
        let mut environment = Environment::new();
        environment.set_syntax(syntax()?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |why: String| -> Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("the template refuses: {why}")))
        });
        // A library that reads the clock would render another prompt every day.
        environment.add_function("strftime_now", |_format: String| -> Result<Value, minijinja::Error> {
            let why = "the template asks for today's date, which would change the prompt from day to day";
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, why))
        });
        let compiled = environment.add_template_owned("chat", source.to_owned());
        compiled.map_err(|e| ModelError::template(describe(&e)))?;
        let mut hasher = blake3::Hasher::new();
        for part in [Some(source), bos_token.as_deref(), eos_token.as_deref()] {
            let part = part.map_or("none".to_owned(), |text| format!("some {} {text}", text.len()));
            hasher.update(part.as_bytes());
        }
        Ok(Self { environment, bos_token, eos_token, hash: format!("blake3:{}", hasher.finalize().to_hex()) })
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
        let values: Vec<Value> = messages.iter().map(|m| context! { role => &m.role, content => &m.content }).collect();
        let template = self.environment.get_template("chat");
        let rendered = template.and_then(|template| {
            template.render(context! {
                messages => values,
                add_generation_prompt => prompt == GenerationPrompt::Add,
                bos_token => &self.bos_token,
                eos_token => &self.eos_token,
            })
        });
        rendered.map_err(|e| ModelError::template(describe(&e)))
    }

    /// Ids of the conversation, BOS in front exactly once where the model wants one.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`] and [`Tokenizer::encode_rendered`].
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        prompt: GenerationPrompt,
    ) -> Result<Vec<u32>, ModelError> {
        let text = self.render(messages, prompt)?;
        Ok(tokenizer.begin(tokenizer.encode_rendered(&text)?))
    }

    /// `blake3:` hash of the template and the texts of BOS and EOS.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// As Hugging Face sets up Jinja.
fn syntax() -> Result<SyntaxConfig, ModelError> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    syntax.map_err(|e| ModelError::template(describe(&e)))
}

/// One line: what, where, without the source listing that minijinja's alternate form prints.
fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!(" (line {line})"));
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let what: String = what.chars().take(300).collect();
    if what.contains(char::is_control) {
        return format!("{}{line}", shown(&what));
    }
    format!("{what}{line}")
}
