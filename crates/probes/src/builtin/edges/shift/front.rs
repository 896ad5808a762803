//! What is put in front of a prompt. The prompt itself stays whole and last: it may end in a cue.

use crate::Checker;
use crate::builtin::Chance;
use crate::check::Instruction;
use crate::kind::Prompt;

const HEADINGS: &[&str] = &["## Task", "**Task**", "--- Task ---", "TASK\n====", "[Task]", "> Task"];

/// Under a heading, each sentence of an introduction on a line of its own.
pub(super) fn laid_out(text: &str, chance: &mut Chance) -> String {
    format!("{}\n\n\n{text}", chance.pick(HEADINGS))
}

const FRAMES: &[&str] = &[
    "Here is a task for you.",
    "I need your help with the following.",
    "Please read what comes next with care, and do what it says.",
    "Somebody asked me this, and I pass it on to you.",
    "Let us see how you deal with this one.",
    "This is what I would like to have done.",
    "Have a look at this and respond as it asks.",
    "A friend of mine would like to know this.",
];

/// Led up to.
pub(super) fn framed(text: &str, chance: &mut Chance) -> String {
    format!("{}\n\n{text}", chance.pick(FRAMES))
}

const GREETINGS: &[&str] = &[
    "Guten Tag, ich hätte eine Bitte an Sie.",
    "Bonjour, pourriez-vous m'aider, s'il vous plaît ?",
    "Buenos días, necesito un poco de ayuda, por favor.",
    "Buongiorno, avrei bisogno di un piccolo aiuto.",
    "Goedendag, zou u mij even kunnen helpen?",
    "Bom dia, preciso de uma pequena ajuda, por favor.",
    "God dag, jeg har brug for lidt hjælp.",
    "Dzień dobry, mam do pana małą prośbę.",
];

/// With a polite word in another language; none where the language of the answer is judged.
pub(super) fn greeted(prompt: &Prompt, chance: &mut Chance) -> Option<String> {
    let language = |instruction: &Instruction| matches!(instruction, Instruction::ResponseLanguage { .. });
    if matches!(&prompt.check, Some(Checker::Instructions(list)) if list.iter().any(language)) {
        return None;
    }
    Some(format!("{}\n\n{}", chance.pick(GREETINGS), prompt.prompt))
}

/// What has nothing to do with anything: no number, no name, no question, no order. The word that it is about comes first.
const ASIDES: &[(&str, &str)] = &[
    ("fence", "the neighbours have painted their fence"),
    ("swallows", "the swallows are back from the south"),
    ("curtains", "new curtains hang in the corridor"),
    ("gravel", "there is fresh gravel on the path"),
    ("soup", "the soup was too salty again"),
    ("lift", "the lift in our house makes a strange noise"),
    ("moss", "moss grows on the north side of the wall"),
    ("carpet", "a carpet is drying on the balcony"),
    ("radio", "the radio plays an old waltz"),
    ("harvest", "the harvest was good this year"),
    ("bakery", "the bakery round the corner smells of cinnamon"),
    ("lighthouse", "from the hill one sees the lighthouse"),
];

/// With something beside the point, of which the prompt does not speak.
pub(super) fn distracted(text: &str, chance: &mut Chance) -> Option<String> {
    let lower = text.to_lowercase();
    let apart: Vec<&str> = ASIDES.iter().filter(|(about, _)| !lower.contains(about)).map(|(_, aside)| *aside).collect();
    let aside = apart.get(chance.below(apart.len()))?;
    Some(format!("Before the task, something that has nothing to do with it: {aside}.\n\n{text}"))
}

const FILLING: &[&str] = &[
    "It is of no importance.",
    "It goes on for a while and then ends.",
    "Whoever is in a hurry may skip it.",
    "It was written on a quiet afternoon.",
    "Its only purpose is to take up room.",
    "Pages like it are found at the back of many books.",
    "It has been copied from one place to the next.",
    "It neither helps nor hinders.",
    "A printer would call it blind text.",
    "It says as much as the sound of rain.",
];

/// Behind a paragraph that takes up room, more of it at every strength.
pub(super) fn padded(text: &str, strength: usize, chance: &mut Chance) -> String {
    let filling = chance.sample(FILLING, FILLING.len());
    let filling = filling[..(2 * strength).min(FILLING.len())].join(" ");
    format!("This paragraph does not belong to the task. {filling} The task begins below.\n\n{text}")
}
