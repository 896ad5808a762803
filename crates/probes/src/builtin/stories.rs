//! Stories in which something said early is needed late: the stress is on memory, not on style.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring};

pub(super) const OPENINGS: &[&str] = &[
    "In the spring, <name:hero> moved to <town:town> to work as a~ <job:job>.",
    "<name:hero> was a~ <job:job> in <town:town> and had lived there for [two|ten|thirty] years.",
    "Nobody in <town:town> knew much about <name:hero>, the new <job:job>.",
    "On a [cold|wet|bright|quiet] <day> morning, <name:hero>, a~ <job:job> from <town:town>, [locked the door|packed a bag|opened an old letter].",
    "When the [school|mill|harbour|theatre] in <town:town> closed, <name:hero> became a~ <job:job>.",
];

const HIDINGS: &[&str] = &[
    "Before leaving, <hero> put the <size:size> <object:thing> into the <container:box> in the <room:place>.",
    "That evening <hero> hid a~ <size:size> <object:thing> in the <container:box> of the <room:place> and told only one person, <name:friend>.",
    "The <size:size> <object:thing> had belonged to <hero>'s <relative>; <hero> kept it in a~ <container:box> in the <room:place>.",
    "<hero>'s <relative> had sent a~ <size:size> <object:thing>, and <hero> laid it in the <container:box> in the <room:place>.",
];

const MIDDLES: &[&str] = &[
    "For [a week|a month|most of the winter] there was nothing but <weather>.",
    "The <animal> [slept by the stove|barked at every cart|would not come in] and the neighbours [talked|complained|did not mind].",
    "<name> came by with <food> and stayed until [dark|midnight|the last bus had gone].",
    "There was [an argument|a long talk|a silence] about money, and then about [the roof|the <vehicle>|a wedding|nothing at all].",
    "At the <shop> they were short of <item>, so [everyone worked late|the doors stayed shut|a boy was sent to <town>].",
    "<hero> felt <mood>, [and did not say so|but went on working|and blamed the <weather>].",
    "Somebody painted the gate <colour>, which [pleased|surprised|annoyed] the whole street.",
    "In <month> the <vehicle> stopped running and letters took [three days|a week|longer than anyone liked].",
    "A~ <colour> <animal> was seen near the <shop>, [twice|once at noon|by three different people].",
    "<name> wanted to buy a~ <object> made of <material>, but [the price was too high|nobody would sell one|changed plans].",
];

const ENDINGS: &[&str] = &[
    "In the end <hero> [remembered|thought of] the <object_again>: it was still in the <box> in the <place>, where it had been all along.",
    "When <name> asked for the <thing>, <hero> [smiled and|said nothing but] went to the <place>, opened the <box>, and there it was.",
    "Years later a stranger looked in the <box> in the <place> and found the <size> <thing>. It was <hero>'s.",
    "\"Where is the <thing>?\" they asked. \"In the <place>,\" said <hero>, \"in the <box>, where I put it.\"",
];

/// A story whose end takes up the object, container and room of its beginning.
pub(super) fn recall(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let between = ring.either(length.of(2, 3, 5), length.of(4, 7, 10));
    let mut scene = Scene::new(chance, ring);
    let mut parts = vec![scene.say_one(OPENINGS), scene.say_one(HIDINGS)];
    parts.push(scene.say_some(MIDDLES, between));
    let thing = scene.bound("thing").to_owned();
    scene.bind("object_again", thing);
    parts.push(scene.say_one(ENDINGS));
    Document::tagged(parts.join(" "), format!("distance:{between}"))
}

const LEGS: &[&str] = &[
    "From <from> the <vehicle> took [two|three|five] hours to <to>, and <hero> [slept|read|counted bridges] all the way.",
    "After <from> came <to>, where <hero> [bought <food>|met a~ <job>|lost a glove|asked the way].",
    "<hero> left <from> before [breakfast|dawn|the <weather> came] and walked to <to>.",
    "The road from <from> to <to> was [closed|full of <item>|worse than on the map], so they went by <vehicle>.",
];

/// A journey from town to town, told back in the reverse order at the end.
pub(super) fn journey(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let stops = ring.either(3, length.of(4, 5, 6));
    let mut scene = Scene::new(chance, ring);
    let hero = scene.draw("name");
    scene.bind("hero", hero);
    let towns: Vec<&str> = {
        let words = super::lexicon::words("town", ring);
        scene.chance.sample(words, stops)
    };
    scene.bind("start", towns[0]);
    let mut parts = vec![scene.say("<hero> [set out|started] from <start> [on a <day>|in <month>|with one bag].")];
    for pair in towns.windows(2) {
        scene.bind("from", pair[0]);
        scene.bind("to", pair[1]);
        parts.push(scene.say_one(LEGS));
        if length != Length::Short {
            parts.push(scene.say_some(MIDDLES, 1));
        }
    }
    let back: Vec<&str> = towns.iter().rev().copied().collect();
    parts.push(format!("The way home was the same in reverse: {}.", back.join(", then ")));
    Document::tagged(parts.join(" "), format!("stops:{stops}"))
}

/// Sentences between what is said and what is asked.
pub(super) fn distance(ring: Ring) -> usize {
    ring.either(1, 4)
}

/// A story up to the question: `thing` lies in the container `box` in the room `place`.
pub(super) fn story(scene: &mut Scene<'_>, between: usize) -> String {
    [scene.say_one(OPENINGS), scene.say_one(HIDINGS), scene.say_some(MIDDLES, between)].join(" ")
}

/// Reading: where is the thing, whose is it, who knew? Paraphrases of one question over one story.
pub(super) fn reading_question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let (between, mut scene) = (distance(ring), Scene::new(chance, ring));
    let story = story(&mut scene, between);
    let thing = scene.bound("thing").to_owned();
    let asked: [(&str, &str, String); 3] = [
        ("room", "place", format!("In which room is the {thing}?")),
        ("container", "box", format!("What is the {thing} kept in?")),
        ("town", "town", "In which town does this take place?".to_owned()),
    ];
    let from = scene.chance.below(3);
    (0..members)
        .map(|member| {
            let (list, slot, question) = &asked[(from + member) % 3];
            let truth = scene.bound(slot).to_owned();
            let others = wrong(&mut scene, list, &truth, &story);
            Question::new(format!("{story} {question}"), truth, others).tag(format!("distance:{between}"))
        })
        .collect()
}

/// Three other words of the list; those that the story mentions come first, because they tempt.
fn wrong(scene: &mut Scene<'_>, list: &str, truth: &str, story: &str) -> Vec<String> {
    let words = super::lexicon::words(list, scene.ring);
    let mut others = scene.chance.sample(words, words.len());
    others.retain(|word| *word != truth);
    others.sort_by_key(|word| !story.contains(word));
    others.into_iter().take(3).map(str::to_owned).collect()
}
