//! The table `[loss]` of a recipe, and what it says of hidden states.

use serde::{Deserialize, Serialize};

use super::{Fault, one};
use crate::DistillError;
use crate::losses::hidden::StateDistance;
use crate::losses::{Divergence, TokenWeights};
use crate::student::Origin;
use crate::train::HiddenStates;

/// The loss: α · cross-entropy + (1 − α) · T² · divergence + w · distance of hidden states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct LossRecipe {
    /// The divergence from the teacher.
    pub divergence: Divergence,
    /// Temperature of both distributions.
    pub temperature: f64,
    /// Share α of the cross-entropy with hard labels.
    pub hard: f64,
    /// How much each token counts.
    #[serde(skip_serializing_if = "TokenWeights::is_even")]
    pub weights: TokenWeights,
    /// Hidden states as another term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenRecipe>,
}

/// The table as it may be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    divergence: Option<Divergence>,
    temperature: Option<f64>,
    hard: Option<f64>,
    #[serde(default)]
    weights: TokenWeights,
    hidden: Option<HiddenRecipe>,
    triple: Option<Triple>,
}

/// DistilBERT's loss (Sanh et al. 2019, arXiv 1910.01108): the sum of three terms, here over that of the first two weights, which is
/// what [`LossRecipe`] says with `hard`, `forward_kl` and the cosine of the last states. The defaults are its authors'.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Triple {
    /// Of T² · KL(p ‖ q).
    #[serde(default = "five")]
    soft: f64,
    /// Of the cross-entropy with the text's own tokens.
    #[serde(default = "two")]
    hard: f64,
    /// Of the cosine distance of the states behind the last layers.
    #[serde(default = "one")]
    hidden: f64,
    /// T.
    #[serde(default = "two")]
    temperature: f64,
}

fn two() -> f64 {
    2.0
}

fn five() -> f64 {
    5.0
}

impl TryFrom<Written> for LossRecipe {
    type Error = String;

    fn try_from(written: Written) -> Result<LossRecipe, String> {
        let Written { divergence, temperature, hard, weights, hidden, triple } = written;
        let Some(triple) = triple else {
            let divergence = divergence.ok_or("missing field `divergence`")?;
            let (temperature, hard) = (temperature.unwrap_or(1.0), hard.unwrap_or(0.0));
            return Ok(LossRecipe { divergence, temperature, hard, weights, hidden });
        };
        if divergence.is_some() || temperature.is_some() || hard.is_some() || hidden.is_some() {
            return Err(
                "`triple` beside `divergence`, `temperature`, `hard` or `hidden`, which it stands for".to_owned()
            );
        }
        let Triple { soft, hard, hidden, temperature } = triple;
        let above = |value: f64| value > 0.0 && value.is_finite();
        let weights_of = [("soft", soft), ("hidden", hidden), ("hard", hard)];
        let wrong = weights_of.into_iter().find(|&(name, value)| !(above(value) || name == "hard" && value == 0.0));
        if let Some((name, value)) = wrong {
            return Err(format!("`triple.{name}` of {value}, where a number above 0 is expected"));
        }
        let total = soft + hard;
        let (distance, layers) = (StateDistance::Cosine, StateLayers::Last);
        let hidden = Some(HiddenRecipe { distance, weight: hidden / total, layers });
        Ok(LossRecipe { divergence: Divergence::ForwardKl, temperature, hard: hard / total, weights, hidden })
    }
}

/// Which hidden states are compared, and how much that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenRecipe {
    /// How far two states are apart.
    pub distance: StateDistance,
    /// w: what their mean over pairs of layers counts.
    pub weight: f64,
    /// Whose.
    #[serde(default)]
    pub layers: StateLayers,
}

/// Layers of the student and those of the teacher whose states they are to have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenLayers", into = "WrittenLayers")]
pub enum StateLayers {
    /// Every layer of the student stands for a stretch of the teacher's and is to end where that ends: of a student cut from its
    /// teacher, before the next layer that it took; of another, at even steps.
    #[default]
    Every,
    /// The last of both.
    Last,
    /// These: a layer of the student, a layer of the teacher.
    Pairs(Vec<[usize; 2]>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"every\", \"last\", or pairs of layers as in [[0, 1], [2, 5]]")]
enum WrittenLayers {
    Word(String),
    Pairs(Vec<[usize; 2]>),
}

impl TryFrom<WrittenLayers> for StateLayers {
    type Error = String;

    fn try_from(written: WrittenLayers) -> Result<StateLayers, String> {
        match written {
            WrittenLayers::Pairs(pairs) => Ok(Self::Pairs(pairs)),
            WrittenLayers::Word(word) if word == "every" => Ok(Self::Every),
            WrittenLayers::Word(word) if word == "last" => Ok(Self::Last),
            WrittenLayers::Word(word) => {
                Err(format!("`{word}`, where \"every\", \"last\" or pairs of layers may stand, as in [[0, 1], [2, 5]]"))
            }
        }
    }
}

impl From<StateLayers> for WrittenLayers {
    fn from(layers: StateLayers) -> WrittenLayers {
        match layers {
            StateLayers::Every => WrittenLayers::Word("every".to_owned()),
            StateLayers::Last => WrittenLayers::Word("last".to_owned()),
            StateLayers::Pairs(pairs) => WrittenLayers::Pairs(pairs),
        }
    }
}

impl HiddenRecipe {
    /// The first setting out of range.
    pub(super) fn fault(&self) -> Option<Fault> {
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return Some(("loss.hidden.weight", "a number above 0", self.weight.to_string()));
        }
        let StateLayers::Pairs(pairs) = &self.layers else { return None };
        let twice = pairs.iter().enumerate().find(|(at, pair)| pairs[..*at].contains(pair));
        match twice {
            _ if pairs.is_empty() => Some(("loss.hidden.layers", "at least one pair of layers", "none".to_owned())),
            Some((_, [ours, theirs])) => {
                Some(("loss.hidden.layers", "each pair once", format!("[{ours}, {theirs}] twice")))
            }
            None => None,
        }
    }

    /// The states that are compared, of a student and a teacher with so many layers.
    ///
    /// # Errors
    /// A layer that is not there.
    pub(crate) fn states(&self, origin: &Origin, student: usize, teacher: usize) -> Result<HiddenStates, DistillError> {
        let pairs: Vec<(usize, usize)> = match &self.layers {
            StateLayers::Every => origin.ends(student, teacher).into_iter().enumerate().collect(),
            StateLayers::Last => vec![(student - 1, teacher - 1)],
            StateLayers::Pairs(pairs) => pairs.iter().map(|&[ours, theirs]| (ours, theirs)).collect(),
        };
        let absent = |&(ours, theirs): &(usize, usize)| match () {
            () if ours >= student => Some((ours, "student", student)),
            () if theirs >= teacher => Some((theirs, "teacher", teacher)),
            () => None,
        };
        if let Some((layer, whose, count)) = pairs.iter().find_map(absent) {
            let reason = format!(
                "`loss.hidden.layers` names layer {layer} of the {whose}, which has the layers 0 to {}",
                count - 1
            );
            let hint = "a pair is a layer of the student and a layer of the teacher, both from 0";
            return Err(DistillError::Student { reason, hint: hint.to_owned() });
        }
        Ok(HiddenStates { distance: self.distance, weight: self.weight, pairs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_a_student_end_where_the_stretch_of_its_teacher_does_that_they_stand_for() {
        let recipe = |layers| HiddenRecipe { distance: StateDistance::Cosine, weight: 1.0, layers };
        let check = |origin: Origin, (student, teacher), expected: &[usize]| {
            let states = recipe(StateLayers::Every).states(&origin, student, teacher).ok();
            let expected = HiddenStates {
                distance: StateDistance::Cosine,
                weight: 1.0,
                pairs: expected.iter().copied().enumerate().collect(),
            };
            assert_eq!(states, Some(expected), "{origin:?}");
        };
        check(Origin::Every(2), (3, 6), &[1, 3, 5]);
        check(Origin::Every(2), (3, 5), &[1, 3, 4]);
        check(Origin::Layers(vec![0, 1, 4]), (3, 6), &[0, 3, 5]);
        // Out of their order layers stand for no stretch.
        check(Origin::Layers(vec![4, 0]), (2, 6), &[2, 5]);
        check(Origin::Model("x".into()), (4, 6), &[1, 2, 4, 5]);
        check(Origin::Model("x".into()), (3, 2), &[0, 1, 1]);
        let absent = |pairs: &[[usize; 2]]| {
            let error = recipe(StateLayers::Pairs(pairs.to_vec())).states(&Origin::Every(2), 3, 6);
            error.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(absent(&[[0, 0], [2, 5]]), "");
        assert!(absent(&[[0, 6]]).contains("layer 6 of the teacher, which has the layers 0 to 5"));
        assert!(absent(&[[3, 0]]).contains("layer 3 of the student, which has the layers 0 to 2"));
    }
}
