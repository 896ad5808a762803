//! Words that the ladders speak of: short, common, and none of them a part of another.

/// First names that are no other word.
pub(super) const NAMES: &[&str] = &[
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Henry", "Ivan", "Jane", "Karl", "Laura", "Martin",
    "Nora", "Oscar", "Paula", "Quentin", "Robert", "Sarah", "Thomas", "Ursula", "Victor", "Wendy", "Xenia", "Yusuf",
    "Zoe", "Alice", "Boris", "Cecilia", "Daniel", "Elena", "Fred", "Hannah", "Jacob", "Lucy", "Maria", "Nick", "Peter",
    "Ruth", "Simon",
];

/// Things that one can own, all of them with the article `a`.
pub(super) const THINGS: &[&str] = &[
    "lamp", "rope", "bell", "cup", "drum", "flag", "glove", "hat", "jar", "key", "ladder", "map", "nail", "pen",
    "quilt", "ring", "saw", "tent", "vase", "whistle", "basket", "candle", "donkey", "fork", "goat", "hammer",
    "kettle", "lemon", "mirror", "needle", "pillow", "ribbon", "spoon", "torch", "violin", "wheel", "brush", "crown",
    "feather", "ticket",
];

/// Things that one counts.
pub(super) const COUNTED: &[&str] = &[
    "apples", "books", "buttons", "cards", "coins", "cups", "eggs", "keys", "lemons", "marbles", "nails", "nuts",
    "pears", "pencils", "plates", "ribbons", "shells", "stamps", "stones", "tickets",
];

/// Words of four to six letters to be said again in some other form.
pub(super) const SAID: &[&str] = &[
    "moon", "river", "stone", "lamp", "cloud", "bread", "horse", "table", "green", "winter", "music", "paper", "salt",
    "tiger", "apple", "ocean", "sugar", "chair", "bird", "silver", "door", "piano", "queen", "road", "snow", "train",
    "voice", "wheat", "yellow", "zebra", "lemon", "mouse", "night", "onion", "pepper", "rain", "ship", "tree",
    "valley", "wolf", "basket", "candle", "dream", "engine", "field", "garden", "honey", "island", "jacket", "knife",
];
