//! What stands at a place, and whose answers it holds.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use hydrometer_answers::logged::{self, BadLines, Columns, Reading, Record};
use hydrometer_answers::part::Samples;
use hydrometer_answers::store::{Access, AnswerKey, Store};
use hydrometer_answers::{GIVEN, ModelIdentity, RunFolder, SampleRow, SampleSource};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe};

use super::{Kept, PREFIX, Replay, Said, episodes};
use crate::{Message, ModelError, Prompt, ToolProtocol};

/// Says what is hashed, so that no other hash of the same bytes is equal.
const CONTEXT: &str = "hydrometer replayed answers 1";
/// The probes of a run by their names.
pub(super) type ProbeOf<'r> = HashMap<&'r str, &'r Probe>;
/// A model with its role in a run, and the sources of its answers.
type InRun<'m> = (&'static str, &'m ModelIdentity, &'static [SampleSource]);

/// Opens it.
pub(super) fn open(place: &str) -> Result<Replay, ModelError> {
    let (path, model) = match place.rsplit_once('#') {
        Some((path, model)) if !Path::new(place).exists() => (path, Some(model)),
        _ => (place, None),
    };
    let path = PathBuf::from(path);
    if path.join("manifest.json").exists() {
        return of_run(place, &path, model);
    }
    if path.join("store.json").exists() {
        return of_store(place, &path, model);
    }
    of_log(place, &path, model)
}

fn wrong(place: &str, reason: impl std::fmt::Display) -> ModelError {
    ModelError::Kept { place: format!("{PREFIX}{place}"), reason: reason.to_string() }
}

/// Which of several models is meant is not said, or it is not there.
fn which(place: &str, model: Option<&str>, known: &[String]) -> ModelError {
    let path = place.strip_suffix(&format!("#{}", model.unwrap_or_default())).unwrap_or(place);
    let known = known.join(", ");
    wrong(
        place,
        match model {
            Some(model) => format!("no answers of `{model}` are there; there are those of {known}"),
            None => format!("expected whose answers, as {PREFIX}{path}#MODEL; there are those of {known}"),
        },
    )
}

/// The answers of a finished run.
fn of_run(place: &str, path: &Path, model: Option<&str>) -> Result<Replay, ModelError> {
    let run = RunFolder::open(path).map_err(|error| wrong(place, error))?;
    let manifest = run.manifest();
    const TEACHER: &[SampleSource] = &[SampleSource::Teacher, SampleSource::Rerun];
    let mut models: Vec<InRun<'_>> =
        vec![("teacher", &manifest.teacher, TEACHER), ("student", &manifest.student, &[SampleSource::Student])];
    models.extend(manifest.base.as_ref().map(|base| ("base", base, &[SampleSource::Base] as &[_])));
    models.extend(manifest.control.as_ref().map(|control| ("control", control, &[SampleSource::Control] as &[_])));
    let meant = |(role, identity, _): &&InRun<'_>| model.is_some_and(|model| model == *role || model == identity.name);
    let mut found = models.iter().filter(meant);
    let (Some((role, identity, sources)), None) = (found.next(), found.next()) else {
        let known = models.iter().map(|(role, identity, _)| format!("`{role}` ({})", identity.name));
        return Err(which(place, model, &known.collect::<Vec<_>>()));
    };
    let rows = run.rows::<Samples>().map_err(|error| wrong(place, error))?;
    let model_key = identity.key();
    let probes: ProbeOf<'_> = run.probes().iter().map(|probe| (probe.id.as_str(), probe)).collect();
    let of_them = rows.into_iter().filter(|row| sources.contains(&row.source));
    let prompted = of_them.filter_map(|row| match &probes.get(row.probe.as_str())?.ask {
        Ask::Prompt(prompt) => Some((Prompt::Messages(Message::of_prompt(prompt)).hash(), prompt, row)),
        _ => None,
    });
    let said = |row: SampleRow| Said { text: row.text, finish: row.finish };
    let kept = match &manifest.settings.samples {
        Some(settings) => {
            let entry = |(hash, prompt, row): (String, &hydrometer_probes::kind::Prompt, SampleRow)| {
                let parameters = settings.parameters.of_question(prompt.decoding, prompt.max_tokens, &prompt.stop);
                let number = row.source.first_sample() + row.sample;
                (AnswerKey::new(&model_key, &hash, &parameters, number), said(row))
            };
            let acted = episodes::said(&run, &probes, sources, settings, &model_key);
            let acted = acted.map_err(|reason| wrong(place, reason))?;
            // A run that was read from logs does not know how its models called tools, and has no episodes to be played again.
            let way = manifest.settings.tool_protocols.get(*role).and_then(|name| ToolProtocol::named(name));
            Kept::Run(prompted.map(entry).chain(acted).collect(), way.unwrap_or(ToolProtocol::Json))
        }
        // Answers that were given: nobody says how they were drawn.
        None => {
            let mut answers: HashMap<String, Vec<Said>> = HashMap::new();
            prompted.for_each(|(hash, _, row)| answers.entry(hash).or_default().push(said(row)));
            Kept::Log(answers)
        }
    };
    if matches!(&kept, Kept::Run(answers, _) if answers.is_empty())
        || matches!(&kept, Kept::Log(answers) if answers.is_empty())
    {
        return Err(wrong(place, "the run holds no answer of that model, to a prompt or in an episode"));
    }
    let mut identity = (*identity).clone();
    identity.unknown = Some(match identity.unknown.take() {
        Some(unknown) => format!("{unknown}; its answers are replayed from a finished run"),
        None => "its answers are replayed from a finished run".to_owned(),
    });
    Ok(Replay { place: format!("{PREFIX}{place}"), identity, model_key, kept })
}

/// The answers of an answer store.
fn of_store(place: &str, path: &Path, model: Option<&str>) -> Result<Replay, ModelError> {
    let store = Store::open(path, Access::Read).map_err(|error| wrong(place, error))?;
    let mut models: BTreeMap<(String, String), u64> = BTreeMap::new();
    for group in store.groups().map_err(|error| wrong(place, error))? {
        *models.entry((group.model_name, group.model_key)).or_default() += group.answers;
    }
    let meant = |((name, key), _): &(&(String, String), &u64)| {
        let hash = |key: &str| key.trim_start_matches("blake3:").to_owned();
        model.is_none_or(|model| name == model || (model.len() >= 4 && hash(key).starts_with(&hash(model))))
    };
    let mut found = models.iter().filter(meant);
    let (Some(((name, model_key), _)), None) = (found.next(), found.next()) else {
        const DIGITS: usize = 19;
        let known = models.iter().map(|((name, key), answers)| {
            format!("`{name}` ({}, {})", key.get(..DIGITS).unwrap_or(key), counted(*answers, "answer"))
        });
        return Err(which(place, model, &known.collect::<Vec<_>>()));
    };
    let identity = identity(name, "an answer store", &[model_key]);
    let (name, model_key) = (format!("{PREFIX}{place}"), model_key.clone());
    Ok(Replay { place: name, identity, model_key, kept: Kept::Store(Mutex::new(store)) })
}

/// The answers in files of another tool.
fn of_log(place: &str, path: &Path, model: Option<&str>) -> Result<Replay, ModelError> {
    if !path.exists() {
        return Err(wrong(
            place,
            "there is nothing of that name; expected an answer store, a finished run, or logs of a tool",
        ));
    }
    let reading = Reading { format: None, columns: Columns::default(), bad_lines: BadLines::Refuse };
    let files = logged::read(&[path.to_path_buf()], &reading).map_err(|error| wrong(place, error))?;
    let mut of_models: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for file in &files {
        for record in &file.records {
            let unnamed = || file.called.first().cloned().unwrap_or_else(|| file.name.to_string());
            of_models.entry(record.models.first().cloned().unwrap_or_else(unnamed)).or_default().push(record);
        }
    }
    let mut found = of_models.iter().filter(|(name, _)| model.is_none_or(|model| *name == model));
    let (Some((name, records)), None) = (found.next(), found.next()) else {
        return Err(which(place, model, &of_models.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>()));
    };
    let mut records = records.clone();
    records.sort_by_key(|record| record.epoch);
    let (mut answers, mut fields) = (HashMap::<String, Vec<Said>>::new(), Vec::new());
    for record in records {
        let (Some(Ask::Prompt(prompt)), logged::Answer::Text(answer)) = (&record.question, &record.answer) else {
            continue;
        };
        let Some(text) = &answer.text else { continue };
        let hash = Prompt::Messages(Message::of_prompt(prompt)).hash();
        fields.extend([hash.clone(), text.clone(), answer.finish.name().to_owned()]);
        answers.entry(hash).or_default().push(Said { text: text.clone(), finish: answer.finish });
    }
    if answers.is_empty() {
        let notes: String = files.iter().flat_map(|file| &file.notes).map(|note| format!("; {note}")).collect();
        return Err(wrong(place, format!("the files hold no answer in words beside the words of its question{notes}")));
    }
    let name = Path::new(name).file_stem().map_or(name.clone(), |stem| stem.to_string_lossy().into_owned());
    let identity = identity(&name, "logs of another tool", &fields.iter().collect::<Vec<_>>());
    let (place, model_key) = (format!("{PREFIX}{place}"), identity.key());
    Ok(Replay { place, identity, model_key, kept: Kept::Log(answers) })
}

/// Who answered, where only answers are known.
fn identity(name: &str, from: &str, fields: &[&String]) -> ModelIdentity {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    let unknown = format!("its answers are replayed from {from}");
    ModelIdentity::unseen(name, format!("{PREFIX}#{name}"), GIVEN, hasher.finalize(), "replay", unknown)
}
