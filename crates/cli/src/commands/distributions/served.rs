//! A cache from a server that lists its most probable tokens: how it is opened, looked at and filled, by `distributions collect` and by
//! `distill`.

use std::path::Path;

use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{Ledger, ModelIdentity};
use hydrometer_ask::{CacheReport, Served, Stretch, lacks, reads_alike};
use hydrometer_distill::data::Document;
use hydrometer_models::{Address, Known, Model};
use hydrometer_probes::{Ask, Suite};

pub(crate) use super::collect::{Reader, stretch};
use crate::commands::canaries::{CANARIES, beside_answers};
use crate::commands::spending::Spending;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Questions under way at once.
pub(crate) const AT_ONCE: usize = 8;
/// Texts by which tokenizers are compared.
const TEXTS: usize = 16;

/// Who is asked for distributions, and what is done with them.
pub(crate) struct Asking<'a> {
    /// The model behind the server.
    pub(crate) teacher: &'a dyn Model,
    /// Whose tokenizer read the texts.
    pub(crate) reader: &'a Reader,
    /// The folder of the cache.
    pub(crate) cache: &'a Path,
    /// Most probable tokens of a position.
    pub(crate) count: u32,
    /// Questions under way at once.
    pub(crate) width: usize,
    /// From what is paid, and where that is kept.
    pub(crate) paid: (&'a Spending, &'a Ledger),
    /// The store of the canaries, and whether they may say that the model changed.
    pub(crate) canaries: (&'a Path, bool),
}

/// Refuses an endpoint that does not list the most probable tokens of texts.
///
/// # Errors
/// It does not.
pub(crate) fn possible(address: &Address) -> Result<(), Failure> {
    if address.lists_tokens() {
        return Ok(());
    }
    let found = "--teacher: this endpoint lists no tokens of texts, so there is nothing to keep of its distributions";
    Err(Failure::input(found).hint(
        "vllm:, sglang: and llama-server: list the most probable tokens of texts; others are asked for answers by `hydrometer collect`",
    ))
}

/// Who answered before, where the cache is there: a command that goes on does not ask again.
///
/// # Errors
/// The folder holds something else than a cache.
pub(crate) fn known(cache: &Path) -> Result<Vec<Known>, Failure> {
    if !cache.join("cache.json").exists() {
        return Ok(Vec::new());
    }
    let teacher = TeacherCache::open_despite_damage(cache)?.teacher().clone();
    // Tokenizer and width are those of the model that read the texts.
    let identity = ModelIdentity { tokenizer: None, vocab_size: None, ..teacher };
    Ok(vec![Known { identity, tools: None }])
}

/// A few texts of a suite.
pub(crate) fn texts_of(suite: &Suite) -> Vec<String> {
    let text = |ask: &Ask| match ask {
        Ask::Text(text) => Some(text.text.clone()),
        _ => None,
    };
    suite.probes.iter().filter_map(|probe| text(&probe.ask)).take(TEXTS).collect()
}

/// A few texts of training data.
pub(crate) fn some_texts<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Vec<String> {
    let texts = documents.into_iter().flat_map(|document| document.content.texts());
    texts.map(std::borrow::Cow::into_owned).take(TEXTS).collect()
}

impl Asking<'_> {
    /// Asks for what the cache lacks of the stretches. `texts` are a few of the texts that they were made of.
    ///
    /// # Errors
    /// The server lists no tokens, reads texts otherwise, is another model than before, or fails; the budget is spent, or the user
    /// interrupts: the same command goes on.
    pub(crate) fn fill(
        &self,
        stretches: &[Stretch],
        texts: &[String],
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> Result<CacheReport, Failure> {
        let lists = self.teacher.top_tokens().map_err(|reason| Failure::input(format!("teacher: {reason}")))?;
        let (tokenizer, config) = (&self.reader.tokenizer, &self.reader.checkpoint.config);
        let identity = ModelIdentity {
            tokenizer: Some(tokenizer.hash().to_owned()),
            vocab_size: Some(config.vocab as u32),
            ..self.teacher.identity().clone()
        };
        let codec = Codec::listed(config.vocab as u32, self.count);
        let mut cache = TeacherCache::create_or_open(self.cache, &identity, codec)?;
        let (spending, ledger) = self.paid;
        if lacks(stretches, &mut cache)? {
            let name = self.reader.checkpoint.name();
            reads_alike(lists, (tokenizer, &name), texts.iter().map(String::as_str))?;
            let (store, accepted) = self.canaries;
            let watched = beside_answers(self.teacher, "teacher", store, accepted, terminal);
            spending.keep_in(ledger, CANARIES)?;
            watched?;
        }
        let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
        progress = progress.paying(spending.clone()).counting_positions();
        let served = Served { teacher: self.teacher, width: self.width, ledger };
        let filled = served.fill(stretches, &mut cache, &mut progress);
        progress.end();
        spending.keep_in(ledger, "distributions")?;
        Ok(filled?)
    }
}
