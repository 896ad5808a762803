//! Registers far from everyday prose: deeds, logs, floras, catalogues, bulletins, minutes.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring, nth_of};

/// A register: its name, how a document opens, the sentences it goes on with.
struct Register {
    name: &'static str,
    opening: &'static str,
    sentences: &'static [&'static str],
}

const REGISTERS: &[Register] = &[
    Register {
        name: "deed",
        opening: "This indenture, made the [third|ninth|fourteenth|twenty-first] day of <month> between <name:x> of <town:t>, <job>, of the first part, and <name:y>, <job>, of the second part, witnesseth:",
        sentences: &[
            "^that the said <x> doth grant and convey unto the said <y> all that <room> and messuage situate at <town>, together with the <plant> standing thereon;",
            "^that the premises shall be held free of all incumbrances save the yearly rent of [one peppercorn|two capons|a pound of <mineral>];",
            "^that neither party, nor their heirs or assigns, shall suffer any <animal> to stray upon the common;",
            "^that in default of payment it shall be lawful for the said <x> to re-enter and distrain upon the <item>;",
            "^that the <object> and <container> now in the <room> are excepted out of this grant;",
            "^in witness whereof the parties have hereunto set their hands at <t> in the presence of <name>, notary.",
        ],
    },
    Register {
        name: "log",
        opening: "<month> [4th|11th|19th|27th]. Wind [NNE 5|SW by S, fresh|backing W, 7 to 8|light airs]; barometer [falling|29.41 and steady|rising slowly]; <town:t> bore [N by E|SSW|due west], [three|eleven] leagues.",
        sentences: &[
            "At four bells <weather> came on, and we handed the topgallants and took a second reef.",
            "Sounded in [nineteen|forty] fathoms, bottom grey <material> with shell.",
            "<name:x>, able seaman, fell from the futtock shrouds, and was bled by the <job>.",
            "Broached a cask of <food>, found it [foul|short by a fifth|sweet], and served it to the larboard watch.",
            "A~ <animal>, blown off the land, [rested on the yard|was taken by the cook|would take no water].",
            "Exchanged numbers with a brig out of <town>, laden with <item> and <mineral>.",
            "The chronometer differs from the lunar by [eleven|thirty-four] seconds; <name:x> has charge of it no longer.",
        ],
    },
    Register {
        name: "flora",
        opening: "<plant:x> [perennial, glabrous|biennial, hoary|a suffrutescent herb], [4|12|30] to [45|60|90] cm; rootstock [creeping|tuberous|fibrous].",
        sentences: &[
            "Basal leaves petiolate, [ovate|lanceolate|cordate], crenate to serrate, <colour> beneath.",
            "Inflorescence a [lax raceme|dense corymb|simple umbel]; bracts [caducous|as long as the pedicels|wanting].",
            "Corolla <colour>, the tube exceeding the calyx by [a third|half], throat [villous|glandular].",
            "Fruit a [capsule|schizocarp|follicle], dehiscent, with [two|many] rugose seeds.",
            "On [base-rich|acid|serpentine] screes and by springs; local about <town>, rare elsewhere. Flowering from <month>.",
            "Distinguished from the <plant> by the [entire|toothed] stipules and the smell of <food> when bruised.",
        ],
    },
    Register {
        name: "catalogue",
        opening: "Lot [17|204|388]. A~ <size> <object:x> of <material>, [provincial|late seventeenth-century|unsigned], the [rim|case|handle] inlaid with <mineral>.",
        sentences: &[
            "Provenance: by descent in the family of a~ <job> at <town>; thence to the present vendor.",
            "The <colour> ground is [rubbed|retouched along the seam|remarkably fresh], with old losses to the foot.",
            "Engraved beneath with the initials of <name> and a device of a~ <animal> between two branches of <plant>.",
            "Compare the <x> in the <town> cabinet, which lacks the <material> stand.",
            "Sold with its <container> and a letter of <month> that disputes the attribution.",
            "Condition as usual for objects that have been [kept in a~ <room>|buried|repaired with <mineral>].",
        ],
    },
    Register {
        name: "bulletin",
        opening: "Outlook for shipping and farms, issued at [0505|1130|1725] on <day>, for <town:t> and the coast to <town>:",
        sentences: &[
            "Low [988|1004], drifting [north-east|slowly south], filling.",
            "<weather> at first, giving way to <weather> on windward slopes, visibility moderate, occasionally poor.",
            "Ground frost in sheltered hollows; growers of <food> should cover by dusk.",
            "Sea state rough off <t>, becoming slight; small craft and any <vehicle> with open decks are warned.",
            "The glass at the <shop> stood at [29.2|30.1] at noon and has [fallen a tenth|not moved] since.",
            "Further outlook: [unsettled|colder|much the same], with a risk of <weather> by <day>.",
        ],
    },
    Register {
        name: "minutes",
        opening: "Minutes of the vestry of <town:t>, <day>, <name:x> in the chair. Apologies from the <job> and from <name>.",
        sentences: &[
            "1. The accounts were laid before the meeting, showing a deficit on the <shop>, and were received, <name> dissenting.",
            "2. Resolved, that the <size> <object> be lent to <name> against a receipt, and be returned by <month>.",
            "3. The matter of the stray <animal> was deferred for the third time.",
            "4. It was moved that the <room> be repaired in <material>; the motion was [carried|lost] by [one vote|nine to two].",
            "5. The clerk reported that no tender had been had for <item>; the chair was asked to write to <town>.",
            "There being no other business, <x> closed the meeting at [a quarter past nine|half past ten].",
        ],
    },
    Register {
        name: "assay",
        opening: "Specimen [K-12|31b|207], from the adit above <town:t>: <mineral:x> with subordinate <mineral:y>.",
        sentences: &[
            "Lustre [vitreous|resinous|submetallic], streak <colour>, hardness about [3|4½|6].",
            "Cleaves perfectly in one direction; fracture [conchoidal|splintery].",
            "Before the blowpipe it [decrepitates|fuses to a~ <colour> bead|is unaltered], with a smell of garlic.",
            "The assayer, <name>, returned [two|nine] pennyweight to the ton, and doubted the scales.",
            "In thin section <x> replaces <y> along the margins, and both are cut by veinlets of <mineral>.",
            "Not to be confused with the <colour> <mineral> that is quarried near <town>.",
        ],
    },
];

/// A document of one register.
pub(super) fn document(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let register = chance.pick(REGISTERS);
    let mut scene = Scene::new(chance, ring);
    let opening = scene.say(register.opening);
    let rest = scene.say_some(register.sentences, length.of(3, 5, 7));
    Document::tagged(format!("{opening} {rest}"), format!("register:{}", register.name))
}

/// Sentences with one word missing, the word that fits, and three that do not.
const GAPS: &[(&str, &str, [&str; 3])] = &[
    ("<name> locked the door and put the ___ in a pocket.", "key", ["river", "month", "smoke"]),
    ("It had rained all night, and the road was ___.", "wet", ["hungry", "loud", "clever"]),
    ("The <job> spoke so ___ that nobody in the last row could hear.", "quietly", ["loudly", "brightly", "widely"]),
    ("Because the <vehicle> was late, <name> ___ the meeting.", "missed", ["baked", "watered", "folded"]),
    ("<name> was thirsty and asked for a glass of ___.", "water", ["sand", "chairs", "paper"]),
    ("The soup was too hot to eat, so they ___ until it cooled.", "waited", ["shouted", "painted", "melted"]),
    ("The children were told to be quiet, ___ the baby was asleep.", "because", ["although", "unless", "until"]),
    ("<name> opened the window because the room was too ___.", "warm", ["early", "narrow", "polite"]),
    ("The <animal> was afraid of thunder and hid ___ the bed.", "under", ["among", "during", "between"]),
    ("He is not a good swimmer, so he stayed near the ___.", "shore", ["ceiling", "clock", "recipe"]),
    ("She had read the letter twice before she ___ it.", "understood", ["understands", "understand", "understanding"]),
    ("It was dark in the cellar, and nobody had brought a ___.", "lamp", ["fence", "Sunday", "neighbour"]),
    ("If the <vehicle> had come on time, we ___ have met them.", "would", ["will", "shall", "do"]),
    ("The more he explained, the ___ they understood.", "less", ["least", "few", "little"]),
    ("The cup fell from the table and ___ into pieces.", "broke", ["sang", "froze", "grew"]),
    ("Neither of the two <item> ___ where <name> had left it.", "was", ["were", "are", "being"]),
];
const RARE_GAPS: &[(&str, &str, [&str; 3])] = &[
    ("The leaf is glabrous: it bears no ___.", "hairs", ["tenants", "anchors", "votes"]),
    ("The testator left the whole of the residue to his ___.", "heirs", ["petals", "leagues", "veins"]),
    ("The brig was laden so deep that her deck was ___.", "awash", ["germane", "adjourned", "sessile"]),
    ("The chair put the question, and the ayes ___ it.", "had", ["did", "were", "saw"]),
    (
        "The streak of this mineral is white, though the stone itself is ___.",
        "black",
        ["overdue", "unanimous", "leeward"],
    ),
    ("The lot was withdrawn, having failed to reach its ___.", "reserve", ["anchorage", "calyx", "quorum"]),
    ("For want of a ___ the meeting could decide nothing.", "quorum", ["topsail", "stamen", "crucible"]),
    ("The herb is biennial: it flowers in its ___ year.", "second", ["late", "leap", "fiscal"]),
    ("The deed was void, for the grantor had never affixed his ___.", "seal", ["barometer", "raceme", "topgallant"]),
    ("At four bells the wind veered, and we took in a ___.", "reef", ["tithe", "clause", "petiole"]),
    ("The leaves are sessile, that is, they have no ___.", "stalk", ["keel", "verdict", "tenant"]),
    ("The motion, having found no seconder, ___.", "lapsed", ["flowered", "capsized", "fused"]),
    ("The glass has been falling since noon; expect a ___.", "gale", ["dowry", "harvest", "verdict"]),
    ("Before the blowpipe the mineral ___ to a clear bead.", "fuses", ["adjourns", "germinates", "tacks"]),
    ("The tenant, being two quarters in ___, was distrained upon.", "arrears", ["blossom", "ballast", "umbel"]),
    (
        "The clerk read the minutes of the last meeting, which were ___.",
        "confirmed",
        ["becalmed", "pollinated", "smelted"],
    ),
];

/// Which word fits? Members put the same gap to a different cast.
pub(super) fn wording_question(chance: &mut Chance, ring: Ring, nth: usize, members: usize) -> Vec<Question> {
    let (gap, truth, others) = nth_of(ring.either(GAPS, RARE_GAPS), nth);
    (0..members)
        .map(|member| {
            let mut scene = Scene::new(chance, ring);
            let setting = scene.say_one(&[
                "From a story set in <town>",
                "From a letter by <name>, <job>",
                "Copied from a notebook found in the <room>",
                "From the papers of a~ <job> in <town>",
            ]);
            let sentence = scene.say(gap);
            let ask = ["Which word fits the gap?", "Which word belongs in the gap?", "Fill the gap."][member % 3];
            let prompt = format!("{setting}: \"{sentence}\" {ask}");
            Question::new(prompt, truth, others.map(str::to_owned)).tag("gap")
        })
        .collect()
}

/// How many gaps there are at a ring.
pub(super) fn gaps(ring: Ring) -> usize {
    ring.either(GAPS, RARE_GAPS).len()
}
