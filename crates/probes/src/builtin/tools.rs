//! Tools: which one fits, with which argument, and what to do when a call fails.

use serde_json::Value;

use super::grammar::Scene;
use super::{Chance, Document, Length, Order, Question, Ring, nth_of};

/// A tool: name, what it does, requests that it serves with the arguments each of them gives.
struct Tool {
    name: &'static str,
    does: &'static str,
    requests: [(&'static str, &'static str); 2],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "get_weather",
        does: "weather for a town and a day",
        requests: [
            ("Will I need an umbrella in <town:t> on <day:d>?", r#""town": "<t>", "day": "<d>""#),
            ("Is there going to be <weather> in <town:t> on <day:d>?", r#""town": "<t>", "day": "<d>""#),
        ],
    },
    Tool {
        name: "send_message",
        does: "send a text to a person",
        requests: [
            ("Tell <name:n> that the <vehicle:v> is late.", r#""person": "<n>", "text": "The <v> is late.""#),
            ("Let <name:n> know that I have the <object:o>.", r#""person": "<n>", "text": "I have the <o>.""#),
        ],
    },
    Tool {
        name: "create_reminder",
        does: "remind the user at a time",
        requests: [
            ("Don't let me forget to buy <food:f> at five.", r#""time": "17:00", "text": "buy <f>""#),
            ("At seven tonight I must feed the <animal:a>; nudge me.", r#""time": "19:00", "text": "feed the <a>""#),
        ],
    },
    Tool {
        name: "search_stock",
        does: "how many of an item are in store",
        requests: [
            ("Do we still have <item:i>?", r#""item": "<i>""#),
            ("How many <item:i> are left in the store?", r#""item": "<i>""#),
        ],
    },
    Tool {
        name: "convert_units",
        does: "convert an amount between units",
        requests: [
            ("What are 12 pounds in kilograms?", r#""amount": 12, "from": "lb", "to": "kg""#),
            (
                "I have 40 miles to go to <town>; what is that in kilometres?",
                r#""amount": 40, "from": "mi", "to": "km""#,
            ),
        ],
    },
    Tool {
        name: "book_ticket",
        does: "book a seat",
        requests: [
            (
                "Get me a seat on the <vehicle:v> to <town:t> on <day:d>.",
                r#""vehicle": "<v>", "town": "<t>", "day": "<d>""#,
            ),
            (
                "I want to go to <town:t> by <vehicle:v> on <day:d>; arrange it.",
                r#""vehicle": "<v>", "town": "<t>", "day": "<d>""#,
            ),
        ],
    },
];
const RARE_TOOLS: &[Tool] = &[
    Tool {
        name: "lookup_parcel",
        does: "cadastral owner of a plot by its number",
        requests: [
            ("Who owns plot 4471 by the <shop>?", r#""plot_number": 4471"#),
            ("Find out to whom plot 88 near <town> belongs.", r#""plot_number": 88"#),
        ],
    },
    Tool {
        name: "assay_sample",
        does: "order a laboratory analysis of a mineral sample",
        requests: [
            (
                "Have sample K-7 checked for <mineral:m>, by fire assay.",
                r#""sample_id": "K-7", "method": "fire assay""#,
            ),
            ("I need sample 31b analysed by titration.", r#""sample_id": "31b", "method": "titration""#),
        ],
    },
    Tool {
        name: "tide_table",
        does: "high and low water for a harbour and a date",
        requests: [
            ("When can a <vehicle> cross the bar at <town:t> on <month:m> 9?", r#""harbour": "<t>", "date": "<m> 9""#),
            ("Is there water enough at <town:t> pier on <month:m> 3?", r#""harbour": "<t>", "date": "<m> 3""#),
        ],
    },
    Tool {
        name: "rotate_credentials",
        does: "issue a new secret for a service and revoke the old one",
        requests: [
            ("The old secret of the billing service leaked; replace it.", r#""service": "billing""#),
            ("Make a fresh key for the archive service and revoke the old one.", r#""service": "archive""#),
        ],
    },
];

/// Every tool of a ring; rare ones stand beside the common ones.
fn pool(ring: Ring) -> Vec<&'static Tool> {
    ring.either(&[] as &[Tool], RARE_TOOLS).iter().chain(TOOLS).collect()
}

/// How many tools, and so families of tool choices, there are at a ring.
pub(super) fn tools(ring: Ring) -> usize {
    pool(ring).len()
}

/// How many needed arguments to leave out there are at a ring.
pub(super) fn arguments(ring: Ring) -> usize {
    ring.either(ARGUMENTS, RARE_ARGUMENTS).len()
}

/// How many failures there are at a ring.
pub(super) fn failures(ring: Ring) -> usize {
    ring.either(FAILURES, RARE_FAILURES).len()
}

/// Four tools, the first of them the one that fits.
fn draw(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<&'static Tool> {
    let all = pool(ring);
    let fits = nth_of(&all, nth);
    let others: Vec<&Tool> = all.into_iter().filter(|tool| tool.name != fits.name).collect();
    let mut tools = vec![fits];
    tools.extend(chance.sample(&others, 3));
    tools
}

/// Which tool fits? Members are other requests for the same tool.
pub(super) fn choice_question(chance: &mut Chance, ring: Ring, nth: usize, members: usize) -> Vec<Question> {
    let tools = draw(chance, ring, nth);
    let mut listed: Vec<String> = tools.iter().map(|tool| format!("{} ({})", tool.name, tool.does)).collect();
    chance.shuffle(&mut listed);
    let from = chance.below(2);
    (0..members)
        .map(|member| {
            let mut scene = Scene::new(chance, ring);
            let request = scene.say(tools[0].requests[(from + member) % 2].0);
            let polite = ["", "Please help: ", "Quick question. "][member % 3];
            let prompt = format!(
                "An assistant has these tools: {}. The user says: \"{polite}{request}\" Which tool should it call?",
                listed.join("; ")
            );
            let others = tools[1..].iter().map(|tool| tool.name.to_owned());
            Question::new(prompt, tools[0].name, others).tag("tool-choice")
        })
        .collect()
}

/// A request, the tools at hand, and the call that serves it.
pub(super) struct Request {
    /// `name(argument, …)` of each tool, in any order.
    pub(super) tools: String,
    pub(super) words: String,
    pub(super) tool: &'static str,
    pub(super) arguments: serde_json::Map<String, Value>,
}

/// The first or the second request for the tool of a number.
pub(super) fn request(chance: &mut Chance, ring: Ring, nth: usize, which: usize) -> Request {
    let tools = draw(chance, ring, nth);
    let mut listed: Vec<String> = tools.iter().map(|tool| signature(tool)).collect();
    chance.shuffle(&mut listed);
    let mut scene = Scene::new(chance, ring);
    let (words, arguments) = tools[0].requests[which % 2];
    let words = scene.say(words);
    let arguments = object(&scene.say(&format!("^{arguments}")));
    Request { tools: listed.join(", "), words, tool: tools[0].name, arguments }
}

fn signature(tool: &Tool) -> String {
    let names: Vec<String> = object(tool.requests[0].1).into_iter().map(|(name, _)| name).collect();
    format!("{}({})", tool.name, names.join(", "))
}

/// Arguments as they stand in a tool, without their braces.
fn object(arguments: &str) -> serde_json::Map<String, Value> {
    match serde_json::from_str(&format!("{{{arguments}}}")) {
        Ok(object) => object,
        Err(error) => unreachable!("the arguments of a tool are JSON: {arguments}: {error}"),
    }
}

/// Requests with all that a call needs, and the same with one thing left out: what is missing.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("search_stock(item)", "How many <item> do we have?", "How many of those do we have?"),
    ("convert_units(amount, from, to)", "What are 12 pounds in kilograms?", "What are 12 pounds in the other unit?"),
    ("set_alarm(time)", "Wake me at seven tomorrow morning.", "Wake me a bit earlier than usual."),
    ("order(item, quantity)", "Order three <object>s for the <shop>.", "Order some more for the <shop>."),
    ("get_weather(town, day)", "What will the weather be in <town> on <day>?", "What will the weather be on <day>?"),
    ("book_ticket(town, day)", "Book me a seat to <town> for <day>.", "Book me a seat to <town>."),
    ("send_message(person, text)", "Tell <name> that I will be late.", "Tell them that I will be late."),
    ("create_reminder(time, text)", "Remind me at six to buy <food>.", "Remind me to buy <food>."),
];
const RARE_ARGUMENTS: &[(&str, &str, &str)] = &[
    ("lookup_parcel(plot_number)", "Who owns plot 4471?", "Who owns the plot by the <shop>?"),
    (
        "rotate_credentials(service)",
        "Replace the leaked secret of the billing service.",
        "Replace the secret that leaked.",
    ),
    (
        "schedule_survey(site, month)",
        "Have the <room> at <town> surveyed in <month>.",
        "Have the <room> surveyed in <month>.",
    ),
    (
        "amend_deed(deed_number, clause)",
        "Strike clause 4 from deed 219.",
        "Strike the clause about the <animal> from deed 219.",
    ),
    (
        "assay_sample(sample_id, method)",
        "Have sample K-12 analysed by titration.",
        "Have the <mineral> sample analysed by titration.",
    ),
    ("transfer(from_account, to_account, amount)", "Move 300 from savings to rent.", "Move 300 to rent."),
    ("tide_table(harbour, date)", "High water at <town> on <month> 4?", "High water on <month> 4?"),
    (
        "archive(folder, keep_until)",
        "Archive the folder <object>, keep it until <month> 1.",
        "Archive the folder <object>.",
    ),
];

/// Call at once or ask first? A minimal pair: the request with and without a needed argument.
pub(super) fn argument_question(chance: &mut Chance, ring: Ring, nth: usize, members: usize) -> Vec<Question> {
    let (tool, complete, lacking) = nth_of(ring.either(ARGUMENTS, RARE_ARGUMENTS), nth);
    let mut questions = Vec::new();
    let mut manners = ["", "Please help. ", "One more thing. "];
    chance.shuffle(&mut manners);
    for manner in manners.into_iter().take(members.div_ceil(2)) {
        let mut scene = Scene::new(chance, ring);
        for (request, truth, other) in [(complete, "call", "clarify"), (lacking, "clarify", "call")] {
            let request = scene.say(request);
            let prompt = format!(
                "An assistant can call {tool}; every argument is needed. The user says: \"{manner}{request}\" Should it call \
                 the tool now, or clarify by asking the user first?"
            );
            let mut question = Question::new(prompt, truth, [other.to_owned()]).tag(format!("truth:{truth}"));
            question.order = Order::Decisions;
            questions.push(question);
        }
    }
    questions
}

/// A failed call: the error, the next step that helps, and three that do not.
const FAILURES: &[(&str, &str, [&str; 3])] = &[
    (
        "The call send_message(person=\"<name:who>\") failed: two people are called <who>.",
        "Ask the user which <who> is meant.",
        ["Send it to both of them.", "Send it to the first on the list.", "Tell the user that it was sent."],
    ),
    (
        "The call get_price(item=\"<object>\") returned -7.",
        "Treat the price as unknown and check it in another way.",
        ["Tell the user that the price is -7.", "Round it up to zero and go on.", "Drop the minus and quote 7."],
    ),
    (
        "The call save(\"<object>.txt\") failed: disk full.",
        "Tell the user that the disk is full and nothing was saved.",
        [
            "Delete the oldest files to make room.",
            "Say that the file has been saved.",
            "Save it over and over until it works.",
        ],
    ),
    (
        "The call create_reminder(time=\"25:00\") failed: no such time.",
        "Ask the user which time was meant.",
        ["Set it to midnight without asking.", "Set one for each hour of the day.", "Send the same call once more."],
    ),
    (
        "The call search_stock(item=\"<item>\") failed: connection timed out.",
        "Try the same call once more after a short wait.",
        ["Tell the user that there are none left.", "Invent a likely number.", "Delete the item from the store."],
    ),
    (
        "The call get_weather(town=\"<town>\", day=\"<day>\") failed: unknown town, did you mean \"<town:other>\"?",
        "Ask the user whether <other> was meant.",
        ["Repeat the same call ten times.", "Report the weather of another town.", "Say that it will be sunny."],
    ),
    (
        "The call open(\"<object>.txt\") failed: file not found.",
        "List the folder to see which files there are.",
        ["Open the same file again and again.", "Write up what it probably says.", "Empty the folder and start over."],
    ),
    (
        "The call book_ticket(town=\"<town>\") failed: missing argument \"day\".",
        "Ask the user for the day.",
        ["Call it again without a day.", "Book every day of the week.", "Say that the seat is booked."],
    ),
];
const RARE_FAILURES: &[(&str, &str, [&str; 3])] = &[
    (
        "The call lookup_parcel(plot_number=88) returned two owners with the same date of entry.",
        "Report both entries and say that the register contradicts itself.",
        ["Report the first owner only.", "Report whichever owner is older.", "Correct the register to one owner."],
    ),
    (
        "The call tide_table(harbour=\"<town>\") returned a table that ended in 1987.",
        "Say that the table is out of date and look for a current one.",
        ["Use its last line for today.", "Add the years up and extrapolate.", "Tell the user that it is safe to sail."],
    ),
    (
        "The call rotate_credentials(service=\"billing\") issued the new secret, then failed to revoke the old one.",
        "Revoke the old secret in a call of its own and check that it is gone.",
        [
            "Report that both steps are done.",
            "Issue a third secret and stop there.",
            "Post the old secret to warn others.",
        ],
    ),
    (
        "Step 4 of 6 of a migration failed; steps 1 to 3 cannot be repeated safely.",
        "Stop, record which steps are done, and find the cause of step 4.",
        ["Run all six steps again from the start.", "Skip step 4 and run 5 and 6.", "Mark the migration as complete."],
    ),
    (
        "The call transfer(amount=300) returned error 409: a transfer with this key is already being processed.",
        "Check the state of the first transfer before doing anything else.",
        ["Send it again under a new key.", "Send it again with twice the amount.", "Report that it has failed."],
    ),
    (
        "The call commit(branch=\"<object>\") failed: the branch has moved since it was read.",
        "Read the branch again, apply the change to it, and commit.",
        ["Overwrite the branch by force.", "Report the change as committed.", "Delete the branch."],
    ),
    (
        "The call export(table=\"<shop>\") failed after part 3 of 7: quota exceeded until 14:00.",
        "Keep parts 1 to 3 and go on with part 4 after 14:00.",
        ["Start from part 1 at once.", "Hand over three parts as all seven.", "Try part 4 every second until 14:00."],
    ),
    (
        "The call assay_sample(sample_id=\"K-7\", method=\"flame\") failed: method not licensed for <mineral>.",
        "Ask which licensed method to use instead.",
        ["Give the sample another number and retry.", "Report last year's figures.", "Drop the sample from the list."],
    ),
];

/// What next, after a failed call? Members have another cast.
pub(super) fn recovery_question(chance: &mut Chance, ring: Ring, nth: usize, members: usize) -> Vec<Question> {
    let (failure, good, bad) = nth_of(ring.either(FAILURES, RARE_FAILURES), nth);
    (0..members)
        .map(|member| {
            let mut scene = Scene::new(chance, ring);
            let user = scene.say_one(&[
                "An assistant works for <name>, a~ <job>.",
                "An assistant helps at the <shop> in <town>.",
                "<name> asked an assistant for help on <day>.",
            ]);
            let failure = scene.say(failure);
            let good = scene.say(good);
            let ask = ["What is the best next step?", "What should it do next?", "Which step comes next?"][member % 3];
            let others = bad.map(str::to_owned);
            Question::new(format!("{user} {failure} {ask}"), good, others).tag("fault")
        })
        .collect()
}

/// A session: request, call, result, reply.
pub(super) fn session(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let mut text = String::from("Tools: ");
    let nth = chance.below(pool(ring).len());
    let tools = draw(chance, ring, nth);
    let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
    text.push_str(&names.join(", "));
    for turn in 0..length.of(1, 2, 4) {
        text.push_str(&exchange(chance, ring, tools[turn % tools.len()], None));
    }
    Document::tagged(text, format!("tools:{}", tools.len()))
}

/// A session in which a call fails, is understood, and is repeated correctly.
pub(super) fn repair(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let nth = chance.below(pool(ring).len());
    let tools = draw(chance, ring, nth);
    let fault = *chance.pick(ring.either(
        &["timed out after 30 s", "missing argument", "not found"],
        &["error 409: state has changed", "error 429: retry after 60 s", "checksum mismatch", "partial result, 3 of 7"],
    ));
    let mut text = format!("Log of the assistant, {} tools at hand.", tools.len());
    text.push_str(&exchange(chance, ring, tools[0], Some(fault)));
    for tool in tools.iter().take(length.of(1, 2, 4)).skip(1) {
        text.push_str(&exchange(chance, ring, tool, None));
    }
    Document::tagged(text, "fault".to_owned())
}

fn exchange(chance: &mut Chance, ring: Ring, tool: &Tool, fault: Option<&str>) -> String {
    let mut scene = Scene::new(chance, ring);
    let (request, arguments) = *scene.chance.pick(&tool.requests);
    let request = scene.say(request);
    let call = format!("{}({{{}}})", tool.name, scene.say(&format!("^{arguments}")));
    let result = scene.say_one(&[
        "^ok: [4|12|31]",
        "^ok: done",
        "^ok: accepted, number [118|2046|57]",
        "^ok: [yes|no], as of [08:00|noon]",
    ]);
    let reply = scene.say_one(&[
        "It is done.",
        "The answer is in: [nothing to worry about|as you thought|see above].",
        "Done. Do you need anything else for <day>?",
        "That worked. I have noted it for <name>.",
    ]);
    match fault {
        None => format!("\nUser: {request}\nCall: {call}\nResult: {result}\nAssistant: {reply}"),
        Some(fault) => {
            let thought = scene.say_one(&[
                "The call failed, so nothing is done yet. I check the cause and try once more.",
                "That was [the service|my mistake], not the user's. One more attempt, with the reason in mind.",
                "I will not guess a result. First I find out what happened.",
            ]);
            format!(
                "\nUser: {request}\nCall: {call}\nResult: failed: {fault}\nAssistant (to itself): {thought}\nCall: \
                 {call}\nResult: {result}\nAssistant: The first attempt failed ({fault}); the second worked. {reply}"
            )
        }
    }
}
