//! Bounds on what a chat template may cost. It is a program that came with a model: this file keeps one that nests
//! without end or builds texts without end from taking the stack or the memory of the process.
//!
//! Three bounds work together. A template is read only if no tag of it is long enough to nest deeply. It is compiled and
//! run on a thread whose stack is large enough for what is left. And after every instruction that makes a value the
//! value is weighed, so that none grows beyond a budget, however it was made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hydrometer_probes::strangers::contained;
use minijinja::machinery::{CompiledTemplate, Instruction, Instructions, Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use crate::ModelError;

/// Longest template that is read, in bytes; the longest published ones have about 20 KB.
pub(super) const LONGEST: usize = 128 << 10;
/// Most tokens between the braces of one tag; published ones have some dozens.
const TAG_TOKENS: usize = 1500;
/// Most `elif` of one template.
const BRANCHES: usize = 500;
/// Deepest list in a list.
const DEEPEST: usize = 32;
/// Bytes of values that a template may make, besides [`PER_BYTE`] for each byte that it is given.
const BUDGET: u64 = 16 << 20;
const PER_BYTE: u64 = 1024;
/// What a value costs besides its text.
const VALUE: usize = 32;
/// Stack for what [`TAG_TOKENS`], [`BRANCHES`] and minijinja's own bound on blocks leave, with room to spare.
const STACK: usize = 128 << 20;
/// A variable that is 1. Beside it no product is a constant that the compiler works out.
const ONE: &str = "hydrometer_one";

/// Runs `job` on a thread with [`STACK`].
pub(super) fn on_a_deep_stack<T: Send>(job: impl FnOnce() -> Result<T, ModelError> + Send) -> Result<T, ModelError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("chat template".to_owned()).stack_size(STACK);
        let thread = thread
            .spawn_scoped(scope, || {
                contained(job).unwrap_or_else(|| Err(ModelError::template("it cannot be worked out")))
            })
            .map_err(|e| ModelError::template(format!("no thread could be started for it: {e}")))?;
        // The job contains its panics.
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The template as it is compiled; refused when it is too long or nests too deeply to be read.
pub(super) fn readable(source: &str, syntax: &SyntaxConfig) -> Result<String, ModelError> {
    let refuse = |what: &str, found: usize, most: usize| {
        Err(ModelError::template(format!("{what}: {found}, more than the {most} that are read")))
    };
    if source.len() > LONGEST {
        return refuse("its length in bytes", source.len(), LONGEST);
    }
    let mut text = String::with_capacity(source.len());
    let (mut copied, mut in_tag, mut branches) = (0, 0, 0);
    let mut before_operand = false;
    for token in tokenize(source, false, syntax.clone()) {
        // What cannot be read is left for the compiler to explain.
        let Ok((token, span)) = token else { break };
        in_tag += 1;
        match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => in_tag = 0,
            Token::Ident("elif") => branches += 1,
            // No chat template spreads lists over arguments, and the number of those has no bound.
            Token::Mul | Token::Pow if before_operand => {
                return Err(ModelError::template(format!(
                    "it spreads arguments with a star (line {})",
                    span.start_line
                )));
            }
            Token::Mul => {
                let end = span.end_offset as usize;
                text.push_str(source.get(copied..end).unwrap_or_default());
                text.push_str(&format!(" {ONE} * "));
                copied = end;
            }
            _ => {}
        }
        before_operand = matches!(token, Token::ParenOpen | Token::Comma);
        if in_tag > TAG_TOKENS {
            return refuse(&format!("words in the tag at line {}", span.start_line), in_tag, TAG_TOKENS);
        }
        if branches > BRANCHES {
            return refuse("branches (elif)", branches, BRANCHES);
        }
    }
    text.push_str(source.get(copied..).unwrap_or_default());
    Ok(text)
}

/// What is left of the bytes that a template may make. Everything that one rendering makes counts, kept or not.
#[derive(Clone)]
pub(super) struct Budget {
    left: Arc<AtomicU64>,
}

impl Budget {
    /// For a template that is given texts of so many bytes.
    pub(super) fn new(given: usize) -> Self {
        Self { left: Arc::new(AtomicU64::new(BUDGET + PER_BYTE * given as u64)) }
    }

    fn charge(&self, bytes: usize) -> Result<(), Error> {
        let left = self.left.load(Ordering::Relaxed);
        let left = left.checked_sub(bytes as u64).ok_or_else(|| refusal("it makes more text than it may (memory)"))?;
        self.left.store(left, Ordering::Relaxed);
        Ok(())
    }

    /// Counts the value and all that is in it.
    pub(super) fn weigh(&self, value: &Value) -> Result<(), Error> {
        self.weigh_at(value, 0)
    }

    fn weigh_at(&self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(refusal("it nests values too deeply"));
        }
        // A namespace is the only value that can change, hence the only one that could come to hold itself.
        if depth > 0 && is_namespace(value) {
            return Err(refusal("it puts a namespace inside another value"));
        }
        self.charge(VALUE + value.as_str().map_or(0, str::len))?;
        match value.kind() {
            ValueKind::Bytes => self.charge(value.as_bytes().map_or(0, <[u8]>::len)),
            ValueKind::Seq | ValueKind::Iterable => {
                value.try_iter()?.try_for_each(|item| self.weigh_at(&item, depth + 1))
            }
            ValueKind::Map => value.try_iter()?.try_for_each(|key| {
                self.weigh_at(&key, depth + 1)?;
                self.weigh_at(&value.get_item(&key)?, depth + 1)
            }),
            _ => Ok(()),
        }
    }

    /// The value, weighed; what would be worked out anew each time that it is looked at becomes a list.
    fn keep(&self, value: Value) -> Result<Value, Error> {
        if value.kind() != ValueKind::Iterable {
            self.weigh(&value)?;
            return Ok(value);
        }
        let mut items = Vec::new();
        for item in value.try_iter()? {
            self.weigh_at(&item, 1)?;
            items.push(item);
        }
        Ok(Value::from(items))
    }

    /// Room for `times` copies of `text` and what else is there.
    fn room(&self, times: usize, text: usize, rest: usize) -> Result<(), Error> {
        self.charge(times.saturating_mul(text).saturating_add(rest))
    }

    /// Size of a value as text, about.
    fn size(&self, value: &Value) -> Result<usize, Error> {
        let before = self.left.load(Ordering::Relaxed);
        self.weigh(value)?;
        Ok(usize::try_from(before - self.left.load(Ordering::Relaxed)).unwrap_or(usize::MAX))
    }
}

fn refusal(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.to_owned())
}

fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

/// Filter that weighs what an instruction made. No template can name it.
const KEEP: &str = "keep@";
/// The same for what is put into a namespace.
const STORE: &str = "store@";
/// Tells minijinja not to remember which filter this was.
const NOT_CACHED: u8 = u8::MAX;

/// Adds the checks, and versions of what can multiply texts that reckon first.
pub(super) fn guard(environment: &mut Environment<'_>, budget: &Budget) {
    let kept = budget.clone();
    environment.add_filter(KEEP, move |value: Value| kept.keep(value));
    let stored = budget.clone();
    environment.add_filter(STORE, move |value: Value| stored.weigh_at(&value, 1).map(|()| value));
    environment.add_global(ONE, 1);
    // It prints every variable.
    environment.remove_global("debug");
    let multiplying = [
        ("replace", Value::from_function(filters::replace)),
        ("join", Value::from_function(filters::join)),
        ("indent", Value::from_function(filters::indent)),
        ("format", Value::from_function(filters::format)),
        ("batch", Value::from_function(filters::batch)),
        ("slice", Value::from_function(filters::slice)),
    ];
    for (name, filter) in multiplying {
        let budget = budget.clone();
        environment.add_filter(name, move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
            let arguments = arguments.into_values();
            reckon(&budget, name, &arguments)?;
            filter.call(state, &arguments)
        });
    }
    let methods = budget.clone();
    environment.set_unknown_method_callback(move |state, value, method, arguments| {
        // Python joins the other way round: the text between stands first.
        let mut all: Vec<Value> = std::iter::once(value).chain(arguments).cloned().collect();
        if method == "join" {
            all.reverse();
        }
        reckon(&methods, method, &all)?;
        minijinja_contrib::pycompat::unknown_method_callback(state, value, method, arguments)
    });
}

/// Charges what a filter or method will make, before it does.
fn reckon(budget: &Budget, name: &str, arguments: &[Value]) -> Result<(), Error> {
    let [value, rest @ ..] = arguments else { return Ok(()) };
    let size = |at: usize| rest.get(at).map_or(Ok(0), |value| budget.size(value));
    let sizes = || -> Result<usize, Error> {
        arguments.iter().try_fold(0_usize, |sum, value| Ok(sum.saturating_add(budget.size(value)?)))
    };
    // Numbers name widths and counts; those by name arrive as a map at the end.
    let numbers = || {
        let named = rest
            .iter()
            .filter(|v| v.kind() == ValueKind::Map)
            .filter_map(|map| map.try_iter().ok().map(|keys| (map, keys)));
        let named = named.flat_map(|(map, keys)| keys.filter_map(|key| map.get_item(&key).ok()));
        rest.iter().cloned().chain(named).filter_map(|value| value.as_usize()).max().unwrap_or(0)
    };
    match name {
        "replace" => {
            let whole = text_of(budget, value)?;
            let part = rest.first().map_or(Ok(String::new()), |part| text_of(budget, part))?;
            let times = if part.is_empty() { whole.len() + 1 } else { whole.matches(&part).count() };
            budget.room(times, size(1)?, whole.len())
        }
        "join" => budget.room(value.len().unwrap_or(0), size(0)?, budget.size(value)?),
        "indent" => {
            let whole = text_of(budget, value)?;
            budget.room(whole.lines().count() + 1, numbers(), whole.len())
        }
        "batch" | "slice" => budget.room(numbers(), VALUE, sizes()?),
        "format" => {
            let pattern = text_of(budget, value)?;
            let runs = pattern.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
            let widths = runs.map(|run| run.parse().unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
            // A star takes the width from the arguments.
            let width = sizes()?.saturating_add(widths).saturating_add(numbers());
            budget.room(pattern.matches(['%', '{']).count(), width, 0)
        }
        _ => Ok(()),
    }
}

/// A value as the text that a filter would take it for.
fn text_of(budget: &Budget, value: &Value) -> Result<String, Error> {
    budget.weigh(value)?;
    Ok(value.to_string())
}

/// Puts a check after every instruction that makes a value, in the template and in its blocks.
pub(super) fn check_each_value(compiled: &mut CompiledTemplate<'_>) {
    compiled.instructions = with_checks(&compiled.instructions);
    for block in compiled.blocks.values_mut() {
        *block = with_checks(block);
    }
}

fn with_checks<'s>(plain: &Instructions<'s>) -> Instructions<'s> {
    let all = || (0..).map_while(|at| plain.get(at));
    // Where each instruction will stand; one more for a jump to the end.
    let mut places = vec![0];
    for instruction in all() {
        let place = places.last().copied().unwrap_or(0);
        places.push(place + u32::try_from(with_check(instruction).len()).unwrap_or(1));
    }
    let place = |target: u32| places.get(target as usize).copied().unwrap_or(target);
    let mut checked = Instructions::new(plain.name(), plain.source());
    for (at, instruction) in (0..).zip(all()) {
        for mut step in with_check(instruction) {
            match &mut step {
                Instruction::Iterate(target)
                | Instruction::Jump(target)
                | Instruction::JumpIfFalse(target)
                | Instruction::JumpIfFalseOrPop(target)
                | Instruction::JumpIfTrueOrPop(target)
                | Instruction::BuildMacro(_, target, _) => *target = place(*target),
                _ => {}
            }
            match plain.get_line(at).and_then(|line| u16::try_from(line).ok()) {
                Some(line) => checked.add_with_line(step, line),
                None => checked.add(step),
            };
        }
    }
    checked
}

fn with_check<'s>(instruction: &Instruction<'s>) -> Vec<Instruction<'s>> {
    let keep = || Instruction::ApplyFilter(KEEP, Some(1), NOT_CACHED);
    match instruction {
        // Printed like a value, so that it is counted.
        Instruction::EmitRaw(text) => vec![Instruction::LoadConst(Value::from(*text)), Instruction::Emit],
        Instruction::SetAttr(_) => {
            let store = Instruction::ApplyFilter(STORE, Some(1), NOT_CACHED);
            vec![Instruction::Swap, store, Instruction::Swap, instruction.clone()]
        }
        Instruction::Add
        | Instruction::Mul
        | Instruction::Pow
        | Instruction::StringConcat
        | Instruction::Slice
        | Instruction::BuildList(Some(_))
        | Instruction::BuildTuple(Some(_))
        | Instruction::BuildMap(_)
        | Instruction::ApplyFilter(..)
        | Instruction::CallFunction(..)
        | Instruction::CallMethod(..)
        | Instruction::CallObject(_)
        | Instruction::EndCapture => vec![instruction.clone(), keep()],
        _ => vec![instruction.clone()],
    }
}
