//! One question and its repetitions: what came back is an answer, a reason to ask again, or a refusal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Clock;
use super::address::Address;
use super::bad_call;
use super::dialect::{Dialect, Question, Reply};
use super::gate::{Gate, Load};
use super::headers::Headers;
use super::logprobs::{self, ShownToken};
use super::paying::Counted;
use super::prices::Price;
use super::purse::Purse;
use super::secret::Secret;
use super::too_long;
use super::waits::stated;
use super::wire::{Again, Broken, Came, Sent, Wire};
use crate::error::shown;
use crate::{Declared, ModelError};

/// How often a question is asked at most.
const ATTEMPTS: u32 = 8;
/// The wait before the second attempt where the server names none; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait of our own.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const LONGEST_STATED: Duration = Duration::from_secs(300);
/// Codes and types of errors that say that nothing is left to spend.
const SPENT: [&str; 4] = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"];
/// The same in words.
const SPENT_WORDS: [&str; 5] =
    ["spend limit", "spending limit", "exceeded your current quota", "credit balance is too low", "api usage limits"];

/// A connection to one endpoint.
pub(super) struct Line {
    pub address: Address,
    pub wire: Wire,
    pub key: Option<Secret>,
    /// Headers that the user wants beside those of the dialect.
    pub headers: Headers,
    pub clock: Arc<dyn Clock>,
    pub purse: Option<Arc<Purse>>,
    pub price: Option<Price>,
}

/// Makes something of an answer, or says what was expected and what was found.
pub(super) type Read<'r, T> = dyn Fn(&Value) -> Result<T, String> + 'r;

/// An answer, and its tokens with the most probable ones at their places, where they were asked for and are shown.
pub(super) type Listed = (Reply, Option<Vec<ShownToken>>);

/// What becomes of what a server says.
struct Ways<'w, T> {
    read: &'w Read<'w, T>,
    /// What a refusal answers, where it does.
    refused: &'w dyn Fn(u16, &Said) -> Option<T>,
    /// The JSON of a body, or what stands there instead.
    parse: fn(&[u8]) -> Result<Value, String>,
}

impl<'w, T> Ways<'w, T> {
    /// A refusal is one, and an answer is JSON.
    fn plain(read: &'w Read<'w, T>) -> Self {
        Ways { read, refused: &|_, _| None, parse: json }
    }
}

/// What one attempt came to that may be made again.
pub(super) enum Once<T> {
    Answer(T),
    /// Why there is none.
    Again(String),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server refuses, and would again. What it says is in the reason.
    Refused { status: Option<u16>, reason: String },
    /// The server was asked as often as it makes sense.
    NoAnswer { reason: String, attempts: u32 },
    /// The budget does not allow the question.
    Spent { reason: String },
    /// Nobody wants the answer any more.
    Stopped,
}

/// What an endpoint is asked besides questions: the body where there is one, at an address.
pub(super) struct Call<'a> {
    pub url: &'a str,
    /// Without a body it is fetched, not posted.
    pub body: Option<&'a Value>,
}

/// What one attempt came to.
enum Tried<T> {
    Answer(T),
    Again { reason: String, wait: Option<Duration>, load: Load },
    Never { status: Option<u16>, reason: String },
}

impl Line {
    /// Asks until there is an answer, and pays for it.
    pub(super) fn ask(&self, question: &Question<'_>, gate: &Gate) -> Result<Reply, Failed> {
        self.paid(self.most(question), gate, || self.ask_again(question, gate), Counted::of_reply)
    }

    /// The same, with the `count` most probable tokens at every place of the answer, where the server shows them.
    pub(super) fn ask_listed(&self, question: &Question<'_>, count: u32, gate: &Gate) -> Result<Listed, Failed> {
        self.ask_showing(question, count, gate, logprobs::read)
    }

    /// The same, with what `show` makes of these tokens.
    pub(super) fn ask_showing<T>(
        &self,
        question: &Question<'_>,
        count: u32,
        gate: &Gate,
        show: fn(&[Value]) -> Result<T, String>,
    ) -> Result<(Reply, Option<T>), Failed> {
        let body = self.listed_body(question, count);
        let call = Call { url: &self.address.url(), body: Some(&body) };
        let read = |answer: &Value| Ok((self.kept(answer, question.tools)?, self.shown(answer, show)?));
        let ask = || self.until(&call, gate, &Ways { read: &read, refused: &too_long_to_list, parse: json });
        self.paid(self.most(question), gate, ask, |(reply, _)| Counted::of_reply(reply))
    }

    /// A question as JSON that asks for the `count` most probable tokens at every place of the answer, too.
    pub(super) fn listed_body(&self, question: &Question<'_>, count: u32) -> Value {
        let dialect = self.address.scheme.dialect;
        let mut body = dialect.body(question);
        dialect.want_lists(&mut body, count);
        body
    }

    fn read_listed(&self, answer: &Value, tools: &[Declared]) -> Result<Listed, String> {
        Ok((self.kept(answer, tools)?, self.shown(answer, logprobs::read)?))
    }

    /// What `show` makes of the tokens of an answer, where it shows them.
    pub(super) fn shown<T>(
        &self,
        answer: &Value,
        show: fn(&[Value]) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.address.scheme.dialect.tokens(answer)?.map(|tokens| show(&tokens)).transpose()
    }

    fn kept(&self, answer: &Value, tools: &[Declared]) -> Result<Reply, String> {
        Ok(self.address.scheme.dialect.read(answer)?.kept(tools))
    }

    fn ask_again(&self, question: &Question<'_>, gate: &Gate) -> Result<Reply, Failed> {
        let dialect = self.address.scheme.dialect;
        let body = dialect.body(question);
        let call = Call { url: &self.address.url(), body: Some(&body) };
        let refused = |status, said: &Said| {
            let called = || bad_call::reply(status, &said.heard).filter(|_| !question.tools.is_empty());
            instead(dialect, status, said).or_else(called)
        };
        let ways = Ways { read: &|answer| dialect.read(answer), refused: &refused, parse: json };
        let reply = self.until(&call, gate, &ways)?;
        Ok(reply.kept(question.tools))
    }

    /// Asks for what costs nothing until `read` makes something of the answer.
    pub(super) fn unpaid<T>(&self, call: &Call<'_>, gate: &Gate, read: &Read<'_, T>) -> Result<T, Failed> {
        self.until(call, gate, &Ways::plain(read))
    }

    /// Sends a form, which costs nothing.
    pub(super) fn upload<T>(
        &self,
        url: &str,
        content_type: &str,
        form: &[u8],
        gate: &Gate,
        read: &Read<'_, T>,
    ) -> Result<T, Failed> {
        let headers = self.headers(content_type);
        self.repeated(&Sent { url, headers: &headers, body: Some(form) }, gate, &Ways::plain(read))
    }

    /// Fetches lines of JSON, which cost nothing; `None` stands for a line that is none.
    pub(super) fn lines(&self, url: &str, gate: &Gate) -> Result<Vec<Option<Value>>, Failed> {
        let read = |lines: &Value| {
            let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
            Ok(lines.iter().map(|line| Some(line.clone()).filter(|line| !line.is_null())).collect())
        };
        self.until(&Call { url, body: None }, gate, &Ways { parse: json_lines, ..Ways::plain(&read) })
    }

    /// Asks one time.
    ///
    /// # Errors
    /// The server refuses for good.
    pub(super) fn once<T>(&self, call: &Call<'_>, read: &Read<'_, T>) -> Result<Once<T>, Failed> {
        let headers = self.headers("application/json");
        let body = call.body.map(Value::to_string);
        let sent = Sent { url: call.url, headers: &headers, body: body.as_ref().map(String::as_bytes) };
        once(self.attempt(&sent, &Ways::plain(read)))
    }

    /// What goes with a question: what the dialect says, and what the user wants beside it.
    fn headers(&self, content_type: &str) -> Vec<(String, String)> {
        let own = self.address.scheme.dialect.headers(self.key.as_ref()).into_iter();
        let mut headers: Vec<_> = own.map(|(name, value)| (name.to_owned(), value)).collect();
        self.headers.put(&mut headers);
        headers.push(("content-type".to_owned(), content_type.to_owned()));
        headers
    }

    /// Waits before a further attempt.
    pub(super) fn pause(&self, attempts: u32, gate: &Gate) {
        gate.pause(self.wait(attempts, None), &*self.clock);
    }

    /// What an answer to a plain question says that came with others.
    ///
    /// # Errors
    /// The server refuses for good.
    pub(super) fn heard(&self, status: u16, body: &Value) -> Result<Once<Listed>, Failed> {
        let dialect = self.address.scheme.dialect;
        let read = |answer: &Value| Ok((dialect.read(answer)?.kept(&[]), None));
        let refused = |status, said: &Said| instead(dialect, status, said).map(|reply| (reply, None));
        self.read_once(status, body, &Ways { read: &read, refused: &refused, parse: json })
    }

    /// The same of a question with [`Line::listed_body`].
    ///
    /// # Errors
    /// The server refuses for good.
    pub(super) fn heard_listed(&self, status: u16, body: &Value) -> Result<Once<Listed>, Failed> {
        let read = |answer: &Value| self.read_listed(answer, &[]);
        self.read_once(status, body, &Ways { read: &read, refused: &too_long_to_list, parse: json })
    }

    fn read_once<T>(&self, status: u16, body: &Value, ways: &Ways<'_, T>) -> Result<Once<T>, Failed> {
        let came = Came { status, headers: Vec::new(), body: body.to_string().into_bytes() };
        once(self.read(&came, ways))
    }

    fn until<T>(&self, call: &Call<'_>, gate: &Gate, ways: &Ways<'_, T>) -> Result<T, Failed> {
        let headers = self.headers("application/json");
        let body = call.body.map(Value::to_string);
        self.repeated(&Sent { url: call.url, headers: &headers, body: body.as_ref().map(String::as_bytes) }, gate, ways)
    }

    /// Sends it until there is an answer.
    fn repeated<T>(&self, sent: &Sent<'_>, gate: &Gate, ways: &Ways<'_, T>) -> Result<T, Failed> {
        let mut attempts = 0;
        loop {
            let ticket = gate.enter().ok_or(Failed::Stopped)?;
            attempts += 1;
            let tried = self.attempt(sent, ways);
            gate.leave(
                &ticket,
                match &tried {
                    Tried::Answer(_) => Load::Served,
                    Tried::Again { load, .. } => *load,
                    Tried::Never { .. } => Load::Neither,
                },
            );
            let (reason, wait) = match tried {
                Tried::Answer(reply) => return Ok(reply),
                Tried::Never { status, reason } => return Err(Failed::Refused { status, reason }),
                Tried::Again { reason, wait, .. } => (reason, wait),
            };
            if attempts == ATTEMPTS {
                return Err(Failed::NoAnswer { reason, attempts });
            }
            if let Some(wait) = wait.filter(|wait| *wait > LONGEST_STATED) {
                let (asked, most) = (wait.as_secs(), LONGEST_STATED.as_secs());
                let reason = format!("{reason}; the server asks to wait {asked} s, and at most {most} s are waited");
                return Err(Failed::NoAnswer { reason, attempts });
            }
            gate.pause(self.wait(attempts, wait), &*self.clock);
        }
    }

    /// A stated wait and a little more, or one of our own and a little less: never all at the same moment.
    fn wait(&self, attempts: u32, stated: Option<Duration>) -> Duration {
        let jitter = self.clock.jitter();
        match stated {
            Some(stated) => stated + FIRST_WAIT.mul_f64(jitter),
            None => (FIRST_WAIT * 2u32.pow((attempts - 1).min(10))).min(LONGEST_WAIT).mul_f64(1.0 - 0.25 * jitter),
        }
    }

    fn attempt<T>(&self, sent: &Sent<'_>, ways: &Ways<'_, T>) -> Tried<T> {
        match self.wire.send(sent) {
            Err(Broken { reason, again: Again::No }) => Tried::Never { status: None, reason },
            Err(Broken { reason, again: Again::Yes }) => Tried::Again { reason, wait: None, load: Load::Neither },
            Ok(mut came) => {
                if let Some(key) = &self.key {
                    came.body = key.hidden_in(came.body);
                }
                came.body = self.headers.hidden_in(came.body, (200..300).contains(&came.status));
                self.read(&came, ways)
            }
        }
    }

    fn read<T>(&self, came: &Came, ways: &Ways<'_, T>) -> Tried<T> {
        let again = |reason| Tried::Again { reason, wait: None, load: Load::Neither };
        if !(200..300).contains(&came.status) {
            return self.refusal(came, came.status, ways);
        }
        let answer = match (ways.parse)(&came.body) {
            Ok(answer) => answer,
            Err(reason) => return again(reason),
        };
        // Some gateways say HTTP 200 and put what went wrong into the body.
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            return self.refusal(came, code.filter(|code| (400..600).contains(code)).unwrap_or(500), ways);
        }
        (ways.read)(&answer).map_or_else(again, Tried::Answer)
    }

    /// What a refusal means: to ask again, or never.
    fn refusal<T>(&self, came: &Came, status: u16, ways: &Ways<'_, T>) -> Tried<T> {
        let said = Said::of(&came.body);
        let never = |reason: String| Tried::Never { status: Some(status), reason };
        let heard = format!("HTTP {status}: {}", said.words);
        if let Some(answer) = (ways.refused)(status, &said) {
            return Tried::Answer(answer);
        }
        if status == 402 || said.is_spent() {
            return never(format!(
                "nothing is left to spend ({heard}); raise the quota or the limit, then the same command goes on"
            ));
        }
        let asked_for = came.header("x-should-retry");
        // A server that does not know what it is asked (501) will not learn it; llama.cpp's, started without templates, says 500.
        let cannot = said.words.contains("--jinja");
        let again = matches!(status, 408 | 409 | 429 | 500 | 502..) && asked_for != Some("false") && !cannot;
        if again || asked_for == Some("true") {
            let load = if matches!(status, 429 | 503 | 529) { Load::Overloaded } else { Load::Neither };
            let wait = stated(came, self.clock.unix_seconds());
            return Tried::Again { reason: heard, wait, load };
        }
        let variable = self.address.scheme.key;
        never(match (status, &self.key) {
            (300..=399, _) => {
                let to = came.header("location").map(shown).unwrap_or_default();
                format!("HTTP {status}: the server sends elsewhere, to {to}; name that address")
            }
            (401 | 403, None) => {
                format!("{heard}; no key was sent: put it into {variable}, or name a file with it in {variable}_FILE")
            }
            (401 | 403, Some(_)) => format!("{heard}; is the key in {variable} the right one?"),
            (404 | 405, _) => format!("{heard}; is the model there, and does {} answer questions?", self.address.url()),
            _ => heard,
        })
    }
}

/// What a server says of an error.
struct Said {
    words: String,
    /// The same as it came.
    heard: String,
    /// Its code and its type, where it names them.
    names: Vec<String>,
    /// Limits that are used up, as Google names them; there the words are the same for a minute's and for a day's.
    quotas: Vec<String>,
}

impl Said {
    fn of(body: &[u8]) -> Said {
        let Ok(value) = json(body) else {
            let text = String::from_utf8_lossy(body);
            let words = if text.trim().is_empty() { "nothing is said".to_owned() } else { shown(text.trim()) };
            return Said { words, heard: text.into_owned(), names: Vec::new(), quotas: Vec::new() };
        };
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(&value);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let words = text(error)
            .or_else(|| text(&error["message"]))
            .or_else(|| text(&value["detail"]))
            .unwrap_or_else(|| error.to_string());
        let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let violated = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
        let quotas = violated.filter_map(|violated| text(&violated["quotaId"])).collect();
        let names = [&error["code"], &error["type"]].into_iter().filter_map(text).collect();
        Said { words: longer(&words), heard: words, names, quotas }
    }

    fn is_spent(&self) -> bool {
        if !self.quotas.is_empty() {
            return self.quotas.iter().any(|quota| quota.contains("PerDay"));
        }
        let words = self.words.to_lowercase();
        self.names.iter().any(|name| SPENT.contains(&name.as_str()))
            || SPENT_WORDS.iter().any(|spent| words.contains(spent))
    }
}

/// Words of a server, escaped, and more of them than of a file: what to do often stands at their end.
fn longer(words: &str) -> String {
    const LONGEST: usize = 300;
    let mut out: String = words.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if words.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

/// What an attempt came to, without when to make it again.
fn once<T>(tried: Tried<T>) -> Result<Once<T>, Failed> {
    match tried {
        Tried::Answer(answer) => Ok(Once::Answer(answer)),
        Tried::Again { reason, .. } => Ok(Once::Again(reason)),
        Tried::Never { status, reason } => Err(Failed::Refused { status, reason }),
    }
}

/// The answer, without a token, to a prompt that is too long for one.
fn too_long_to_list<T>(status: u16, said: &Said) -> Option<(Reply, Option<T>)> {
    too_long::says(status, &said.names, &said.words).then(|| (too_long::reply(), None))
}

/// The answer that a refusal stands for: one that was cut off before it began, or a prompt that is too long.
fn instead(dialect: &dyn Dialect, status: u16, said: &Said) -> Option<Reply> {
    let cut_off = dialect.cut_off(&said.words).filter(|_| status == 400);
    cut_off.or_else(|| too_long::says(status, &said.names, &said.words).then(too_long::reply))
}

/// Lines of JSON as a list; null stands for a line that is none.
fn json_lines(body: &[u8]) -> Result<Value, String> {
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(format!("expected lines of JSON, found a web page: {}", shown(&String::from_utf8_lossy(body))));
    }
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    Ok(lines.map(|line| serde_json::from_slice(line).unwrap_or(Value::Null)).collect())
}

/// The JSON of an answer, or what stands there instead.
fn json(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("expected JSON, found bytes that are no UTF-8 at byte {}", error.valid_up_to()))?;
    let start = text.trim_start();
    if start.is_empty() {
        return Err("expected JSON, found an empty answer".to_owned());
    }
    if start.starts_with('<') {
        return Err(format!("expected JSON, found a web page: {}", shown(start)));
    }
    if start.starts_with("data:") || start.starts_with("event:") {
        // What went wrong may stand in it as in any other body.
        return error_in_stream(start)
            .ok_or_else(|| "expected JSON, found a stream, which was not asked for".to_owned());
    }
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_eof() { "JSON that is cut off" } else { "something else" };
        format!("expected JSON, found {what}: {}", shown(start))
    })
}

/// The first event of a stream that says an error.
fn error_in_stream(text: &str) -> Option<Value> {
    let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?).ok());
    events.find(|event| event.get("error").is_some_and(|error| !error.is_null()))
}

impl Failed {
    /// As an error of this endpoint; `None` where nobody wanted the answer.
    pub(super) fn of(self, address: &Address) -> Option<ModelError> {
        let endpoint = address.to_string();
        match self {
            Failed::Refused { reason, .. } => Some(ModelError::Refused { endpoint, reason }),
            Failed::NoAnswer { reason, attempts } => Some(ModelError::NoAnswer { endpoint, reason, attempts }),
            Failed::Spent { reason } => Some(ModelError::Budget { endpoint, reason }),
            Failed::Stopped => None,
        }
    }
}
