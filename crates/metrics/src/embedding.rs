//! Two samples of feature vectors as clouds of points: secondary measures, described, never gated.
//!
//! All depend on the numbers of points and on the features: compare at equal numbers, and show the teacher's rerun against
//! the teacher beside the student against the teacher. Features of a model under audit would judge themselves:
//! [`text_features`] needs no model.

mod mauve;
mod neighbours;
mod ngrams;
mod rank;
mod text;

pub use mauve::{frontier_area, mauve};
pub use neighbours::{Prdc, prdc};
pub use ngrams::{NGRAM_VERSION, NGRAM_WIDTH, ngram_vector};
pub use rank::effective_rank;
pub use text::{TEXT_FEATURES, text_features};

/// The points as slices; `None` when there are none, when they differ in length or when a coordinate is not finite.
fn points<R: AsRef<[f64]>>(rows: &[R]) -> Option<Vec<&[f64]>> {
    let points: Vec<&[f64]> = rows.iter().map(AsRef::as_ref).collect();
    let length = points.first()?.len();
    let fine = |point: &&[f64]| point.len() == length && point.iter().all(|value| value.is_finite());
    points.iter().all(fine).then_some(points)
}

/// Σ f over the coordinates of both, in eight sums side by side: the compiler may vectorise it, and the order of
/// additions is always the same.
fn sum(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| f(x, y)).sum();
    let mut lanes = [0.0; 8];
    for (x, y) in xs.zip(ys) {
        for lane in 0..8 {
            lanes[lane] += f(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x, y, |x, y| x * y)
}

/// Squared Euclidean distance; exactly 0 for equal points.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    sum(x, y, |x, y| (x - y) * (x - y))
}
