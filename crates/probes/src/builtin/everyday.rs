//! Everyday prose: dialogues, letters, recipes, lists, advice.

use super::grammar::Scene;
use super::{Chance, Document, Length, Ring};

const LINES: &[&str] = &[
    "<a>: Have you seen the <object:thing>? [I had it this morning.|It was on the table.|I need it before <day>.]",
    "<b>: [No|Not today|Not since <day>]. Did you look in the <room>?",
    "<a>: I looked in the <room> and under the <container>. [Nothing.|Only <item>.|There was a~ <animal> in there.]",
    "<b>: Then ask <name>, who borrows everything and returns [nothing|half of it|it broken].",
    "<a>: [Fine.|All right.|If you say so.] But I am <mood> about this, and the <vehicle> leaves in ten minutes.",
    "<b>: You could [take mine|go without it|buy a new one at the <shop>]. It is made of <material>, but it works.",
    "<a>: That is [kind|very kind|not what I meant]. Do you want <food> before we go?",
    "<b>: [Yes, please.|Only if there is enough.|No, I had <food>.] What does the sky look like?",
    "<a>: There will be <weather>, I think. [Bring a coat.|We should hurry.|Again.]",
    "<b>: My <relative> always said that <weather> on a <day> means <weather> for a week.",
];

/// Two voices in turn.
pub(super) fn dialogue(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let mut scene = Scene::new(chance, ring);
    for slot in ["a", "b"] {
        let name = scene.draw("name");
        scene.bind(slot, name);
    }
    let turns = length.of(5, 8, 10);
    let lines: Vec<String> = LINES.iter().take(turns).map(|line| scene.say(line)).collect();
    Document::new(lines.join("\n"))
}

const GREETINGS: &[&str] = &["Dear <name:to>,", "Dear <relative> and <name:to>,", "My dear <name:to>,", "<name:to>,"];
const NEWS: &[&str] = &[
    "Thank you for the <food>; [it lasted a week|the children ate all of it|we shared it with the <job>].",
    "We arrived in <town:town> on <day> after [two|nine] hours in a~ <vehicle>, in <weather> all the way.",
    "The <room> still needs [paint|a new floor|a door], and the <job> [comes tomorrow|has not come|wants more money].",
    "<name> sends [love|greetings|regards] and asks whether you still have the <object>.",
    "Work at the <shop> is [slow|better than before|as you left it]: they need <item> and have no <material>.",
    "Please do not worry about the <animal>; it [eats|sleeps|complains] as ever.",
    "I planted a~ <plant> by the gate, next to the <plant>, and hope that the <weather> spares it.",
    "If you come in <month>, bring the <size> <object> and a warm coat.",
    "I have been <mood> since the news, [but I will not write about it here|and I think you know why].",
];
const CLOSINGS: &[&str] =
    &["Yours, <name>", "With love from <town:town>, <name>", "Write soon. <name>", "Ever yours, <name>"];

/// A letter among friends.
pub(super) fn letter(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let mut scene = Scene::new(chance, ring);
    let greeting = scene.say_one(GREETINGS);
    let news = scene.say_some(NEWS, length.of(4, 6, 9));
    let closing = scene.say_one(CLOSINGS);
    Document::new(format!("{greeting}\n\n{news}\n\n{closing}"))
}

/// Ingredients with amounts, and steps that use each of them in order.
pub(super) fn recipe(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let count = length.of(3, 4, 5);
    let mut scene = Scene::new(chance, ring);
    let foods: Vec<&str> = (0..count)
        .map(|number| {
            let food = scene.draw("food");
            scene.bind(&format!("f{number}"), food);
            food
        })
        .collect();
    let mut text =
        scene.say_one(&["<f0> the way they make it in <town>", "<name>'s <f0> with <f1>", "<f0> and <f1> for <day>"]);
    text.push_str("\n\n");
    for food in &foods {
        let grams = scene.chance.between(1, ring.either(10, 37)) * ring.either(50, 15);
        text.push_str(&format!("- {grams} g {food}\n"));
    }
    text.push('\n');
    for (number, food) in foods.iter().enumerate() {
        scene.bind("food_now", *food);
        let minutes = scene.chance.between(2, 12) * ring.either(5, 3);
        scene.bind("minutes", minutes.to_string());
        let step = scene.say_one(&[
            "[Wash|Cut|Weigh] the <food_now> and [put it aside|put it into a large pan].",
            "Add the <food_now> and [wait|stir|cook gently] for <minutes> minutes.",
            "[Cover|Stir in|Salt] the <food_now>; after <minutes> minutes, [taste|turn it over|lower the heat].",
        ]);
        text.push_str(&format!("{}. {step}\n", number + 1));
    }
    text.push_str(
        &scene.say_one(&["Serve [hot|cold|warm] with <f1>.", "It keeps for [two|three|five] days in a~ <container>."]),
    );
    Document::new(text)
}

/// A list of things, with a rule that all its entries keep.
pub(super) fn list(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let count = length.of(6, 10, 16);
    let mut scene = Scene::new(chance, ring);
    let kind = *scene.chance.pick(&["object", "plant", "animal", "food", "mineral", "material"]);
    let title = scene.say_one(&[
        "Things that <name> the <job> took to <town>:",
        "What we saw on the way to <town>, in alphabetical order:",
        "Inventory of the <room>, taken in <month>:",
        "For the <shop>, by <day>:",
    ]);
    let mut words = super::lexicon::words(kind, ring).to_vec();
    scene.chance.shuffle(&mut words);
    words.truncate(count);
    if title.contains("alphabetical") {
        words.sort_unstable();
    }
    let mut lines = vec![title];
    for word in words {
        let note = scene.say_one(&["", "", "^ (<colour>)", "^ ([two|three|seven])", "^, <size>", ", from <town>"]);
        lines.push(format!("- {word}{note}"));
    }
    Document::tagged(lines.join("\n"), format!("list:{kind}"))
}

const PROBLEMS: &[&str] = &[
    "My <relative:who> wants to borrow [a large sum of money|the <vehicle:what>|my <object:what>] and will not say what for.",
    "A colleague at the <shop> takes the credit for my work, and my <relative:who> says that I should keep quiet.",
    "I found a~ <container> with <item:what> on the <vehicle> and nobody has asked for it.",
    "I promised to be in two places on <day>: at the <shop> and at my <relative:who>'s.",
    "The <job> did the work badly, was paid in full, and now [wants more|does not answer|has left <town>].",
];
const ADVICE: &[&str] = &[
    "Before deciding anything, find out what you do not know: [a short question costs little|ask, and wait for the answer].",
    "It depends on [how much is at stake|what was promised|who else is affected], and only you can say.",
    "If nobody can be harmed by waiting, wait [a day|until <day>].",
    "You can say no kindly: name the reason, offer something smaller, and do not apologise twice.",
    "Write down what was agreed, with the date; memory is a poor witness.",
    "Where law or health is concerned, a letter to a stranger is not enough: ask someone who is answerable.",
    "I would not [lie about it|do it in secret], even though it would be easier.",
    "On the other side, [a~ <relative> is not a bank|people do change|silence is also an answer].",
];

/// A question to a newspaper's counsellor, and a weighed answer.
pub(super) fn advice(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let mut scene = Scene::new(chance, ring);
    let problem = scene.say_one(PROBLEMS);
    let asks =
        scene.say_one(&["What should I do?", "Am I wrong to be <mood>?", "Should I say something, or let it go?"]);
    let answer = scene.say_some(ADVICE, length.of(3, 4, 6));
    let (q, a) = ring.either(("Q", "A"), ("Our reader in <town> asks", "The counsellor replies"));
    let q = scene.say(q);
    Document::new(format!("{q}: {problem} {asks}\n\n{a}: {answer}"))
}
