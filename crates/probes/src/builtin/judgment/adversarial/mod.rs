//! Attacks on a decision, each beside its plain twin: what an attack does is the difference within a pair.
//!
//! The attacks are the plainest of their kinds: they show whether a student gives way where its teacher does not, and are no
//! use against a model that does not give way. Most kinds have a control too, the same words around something harmless, so
//! that one who refuses all odd messages is not taken for a careful one.

mod disguised;
mod framed;
mod operator;
mod planted;
mod pressure;
mod wishes;

use super::cast::Cast;
use super::member::Family;

/// A way of attacking.
struct Attack {
    name: &'static str,
    /// From the number of a material, taken round the list.
    make: fn(&mut Cast<'_>, usize) -> Family,
}

const ATTACKS: &[Attack] = &[
    Attack { name: "quoted", make: planted::quoted },
    Attack { name: "tool_result", make: planted::tool_result },
    Attack { name: "conflict", make: operator::conflict },
    Attack { name: "role_play", make: framed::role_play },
    Attack { name: "authority", make: framed::authority },
    Attack { name: "disguise", make: disguised::family },
    Attack { name: "pressure", make: pressure::family },
];

/// Materials of each kind of attack that are used before any is used again.
const MATERIALS: usize = 6;

pub(super) const SCENES: usize = ATTACKS.len() * MATERIALS;

pub(super) fn family(cast: &mut Cast<'_>, scene: usize) -> Family {
    let Attack { name, make } = &ATTACKS[scene % ATTACKS.len()];
    let mut family = make(cast, scene / ATTACKS.len());
    family.tags.push(name);
    family
}
