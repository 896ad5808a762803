//! What a model said in the episodes of a finished run, answer by answer: what a conversation came to so far says what was said next.

use hydrometer_answers::part::Episodes;
use hydrometer_answers::store::AnswerKey;
use hydrometer_answers::{FinishReason, RunFolder, SampleSettings, SampleSource};
use hydrometer_probes::Ask;
use hydrometer_probes::world::{Ending, Event, Transcript};

use super::place::ProbeOf;
use super::{Said, as_kept};
use crate::Conversation;

/// The answers under the keys that a store would have them under.
///
/// # Errors
/// Episodes that cannot be read, as a lower-case fragment.
pub(super) fn said(
    run: &RunFolder,
    probes: &ProbeOf<'_>,
    sources: &[SampleSource],
    settings: &SampleSettings,
    model_key: &str,
) -> Result<Vec<(AnswerKey, Said)>, String> {
    let mut found = Vec::new();
    for row in run.rows::<Episodes>().map_err(|error| error.to_string())? {
        let Some(probe) = probes.get(row.probe.as_str()).filter(|_| sources.contains(&row.source)) else { continue };
        let Ask::Episode(episode) = &probe.ask else { continue };
        let Transcript { events, ending } = Transcript::from_json(&row.transcript)?;
        let decoding = probe.decoding().unwrap_or_default();
        let parameters = settings.parameters.of_question(decoding, episode.max_tokens, &[]);
        let key = |before: &[Event]| {
            let hash = as_kept(&Conversation { probe, episode, events: before }).hash();
            AnswerKey::new(model_key, &hash, &parameters, row.source.first_sample() + row.run)
        };
        for (place, event) in events.iter().enumerate() {
            let Event::Model(said) = event else { continue };
            found.push((key(&events[..place]), Said { text: said.text.clone(), finish: FinishReason::Stop }));
        }
        if ending == Ending::Context {
            found.push((key(&events), Said { text: String::new(), finish: FinishReason::ContextExceeded }));
        }
    }
    Ok(found)
}
