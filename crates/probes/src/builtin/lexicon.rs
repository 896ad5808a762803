//! The generator's word lists: common words for the centre, and rarer ones that the edge adds.

use super::Ring;

/// One list: its name, common words, rarer words.
struct List {
    name: &'static str,
    common: &'static [&'static str],
    all: &'static [&'static str],
}

/// Writes a list once: the edge draws from both parts, the centre from the first.
macro_rules! list {
    ($name:literal, [$($common:literal),* $(,)?], [$($rare:literal),* $(,)?]) => {
        List { name: $name, common: &[$($common),*], all: &[$($common,)* $($rare),*] }
    };
}

/// The words of a list at a ring.
pub(super) fn words(list: &str, ring: Ring) -> &'static [&'static str] {
    let Some(found) = LISTS.iter().find(|known| known.name == list) else {
        unreachable!("template names the word list `{list}`, which there is not")
    };
    ring.either(found.common, found.all)
}

const LISTS: &[List] = &[
    list!(
        "name",
        [
            "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Ivy", "Jack", "Kate", "Leo", "Maria",
            "Nora", "Oscar", "Paula", "Rosa", "Sam", "Tom", "Vera"
        ],
        [
            "Aurelio",
            "Birgitta",
            "Caspian",
            "Dunja",
            "Eluned",
            "Farrukh",
            "Ginevra",
            "Hyacinth",
            "Ignatius",
            "Jorunn",
            "Kwabena",
            "Lisbet",
            "Moana",
            "Nikodem",
            "Oluwaseun",
            "Perpetua",
            "Quillon",
            "Rashida",
            "Sigrún",
            "Thandiwe",
            "Ulrike",
            "Vasilisa",
            "Wilhelmina",
            "Xiomara",
            "Yevgenia",
            "Zoltán"
        ]
    ),
    list!(
        "object",
        [
            "key",
            "letter",
            "map",
            "lamp",
            "book",
            "ring",
            "coin",
            "watch",
            "knife",
            "cup",
            "box",
            "photograph",
            "scarf",
            "bell",
            "candle",
            "notebook",
            "umbrella",
            "hammer"
        ],
        [
            "sextant",
            "thimble",
            "astrolabe",
            "hourglass",
            "tuning fork",
            "lodestone",
            "music box",
            "plumb line",
            "barometer",
            "wax seal",
            "snuffbox",
            "bobbin",
            "gimlet",
            "monocle",
            "metronome",
            "ocarina",
            "trowel",
            "spirit level"
        ]
    ),
    list!(
        "room",
        ["kitchen", "garden", "cellar", "attic", "hall", "garage", "library", "bedroom", "workshop", "shed"],
        ["scullery", "pantry", "conservatory", "boathouse", "vestry", "smokehouse", "hayloft", "orangery", "crypt"]
    ),
    list!(
        "container",
        ["drawer", "basket", "bag", "box", "cupboard", "jar", "bucket", "suitcase"],
        ["strongbox", "hamper", "sea chest", "tin trunk", "bureau", "coffer", "hatbox", "satchel"]
    ),
    list!(
        "town",
        ["Ashford", "Brookfield", "Clayton", "Dover", "Easton", "Fairview", "Greenhill", "Hartley", "Kingsley"],
        [
            "Vellmarsh",
            "Ostrava Gate",
            "Quenby Sound",
            "Tarn Hollow",
            "Isk Ferry",
            "Morwen Cross",
            "Zellerhof",
            "Port Aldous",
            "Saint Orrin",
            "Underlund"
        ]
    ),
    list!(
        "job",
        ["teacher", "baker", "nurse", "farmer", "driver", "carpenter", "doctor", "gardener", "cook", "painter"],
        [
            "cooper",
            "glazier",
            "farrier",
            "chandler",
            "bookbinder",
            "luthier",
            "thatcher",
            "lighthouse keeper",
            "notary",
            "cartographer",
            "apiarist",
            "assayer"
        ]
    ),
    list!(
        "animal",
        ["dog", "cat", "horse", "bird", "cow", "sheep", "goat", "rabbit", "duck", "fox"],
        ["heron", "badger", "stoat", "ibex", "lapwing", "otter", "marmot", "capercaillie", "newt", "dormouse"]
    ),
    list!(
        "food",
        ["bread", "soup", "cheese", "apples", "rice", "eggs", "fish", "beans", "cake", "potatoes"],
        ["quince", "barley", "chicory", "medlars", "salsify", "buckwheat", "kippers", "tamarind", "cardoons"]
    ),
    list!(
        "colour",
        ["red", "blue", "green", "white", "black", "yellow", "brown", "grey"],
        ["ochre", "vermilion", "teal", "russet", "indigo", "ivory", "umber", "viridian", "puce"]
    ),
    list!(
        "material",
        ["wood", "glass", "iron", "paper", "stone", "leather", "cotton", "silver"],
        ["pewter", "slate", "alabaster", "vellum", "horn", "porphyry", "oakum", "felt", "jet"]
    ),
    list!(
        "weather",
        ["rain", "wind", "snow", "fog", "sunshine", "frost", "mist"],
        ["sleet", "drizzle", "hoarfrost", "squalls", "haar", "thunder", "hail"]
    ),
    list!("day", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"], []),
    list!(
        "month",
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December"
        ],
        []
    ),
    list!(
        "mood",
        ["happy", "tired", "angry", "calm", "worried", "proud", "sad", "curious"],
        ["rueful", "sanguine", "wary", "chastened", "elated", "morose", "bemused", "indignant"]
    ),
    list!(
        "size",
        ["small", "large", "old", "new", "heavy", "light", "long", "broken"],
        ["dented", "ornate", "lopsided", "tarnished", "brittle", "gilded", "mildewed", "squat"]
    ),
    list!(
        "relative",
        ["mother", "father", "brother", "sister", "uncle", "aunt", "neighbour", "friend", "cousin"],
        ["godmother", "stepbrother", "great-aunt", "lodger", "ward", "apprentice", "brother-in-law"]
    ),
    list!(
        "item",
        ["apples", "pencils", "books", "eggs", "coins", "stamps", "bottles", "tickets", "cards", "chairs"],
        ["bobbins", "roof tiles", "ingots", "oyster baskets", "candlewicks", "brass hinges", "seed packets"]
    ),
    list!(
        "shop",
        ["bakery", "bookshop", "market", "school", "office", "library", "farm", "station"],
        ["foundry", "apiary", "tannery", "cooperage", "observatory", "assay office", "ropewalk", "salt works"]
    ),
    list!(
        "vehicle",
        ["train", "bus", "car", "boat", "bicycle", "van", "truck"],
        ["ferry", "barge", "funicular", "sledge", "tram", "dinghy", "mule cart"]
    ),
    list!(
        "plant",
        ["rose", "oak", "apple tree", "tulip", "pine", "fern", "lily", "ivy"],
        ["hellebore", "larch", "sea holly", "medlar", "fritillary", "butcher's broom", "lungwort", "spindle"]
    ),
    list!(
        "mineral",
        ["iron", "gold", "salt", "coal", "copper", "silver"],
        ["feldspar", "galena", "fluorite", "cinnabar", "gypsum", "olivine", "malachite", "barite"]
    ),
    list!(
        "field",
        ["price", "weight", "colour", "count", "size", "city"],
        ["tare", "viscosity", "latitude", "salinity", "bearing", "assay"]
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lists_have_unique_names_and_words_enough_to_choose_from() {
        let mut names = BTreeSet::new();
        for list in LISTS {
            assert!(names.insert(list.name), "list {} twice", list.name);
            let words: BTreeSet<_> = list.all.iter().collect();
            assert_eq!(words.len(), list.all.len(), "a word twice in {}", list.name);
            assert!(list.common.len() >= 6, "{} is too short for six different draws", list.name);
        }
    }
}
