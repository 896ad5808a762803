//! A kernel less what comes with a class: two answers are compared in how they differ from what is usual for what they decide.
//!
//! A refusal is shorter than help, and sorry: a model that decides otherwise writes otherwise, whatever its style is. Taking
//! class means off the features ([`crate::style::Manner`]) leaves their spread, which differs by class as well. So what is usual
//! is taken off once more where the kernel compares: with φ the kernel's features and μ_d the mean of φ over the teacher's answers of class d, the kernel of
//! φ(x) − μ_d(x) and φ(y) − μ_d(y) is
//!
//! k(x, y) − m(d(x), y) − m(d(y), x) + M(d(x), d(y)), m(d, y) = ⟨μ_d, φ(y)⟩, M(d, e) = ⟨μ_d, μ_e⟩.
//!
//! A model that writes as the teacher does wherever it decides so is at no distance from it, however often it decides otherwise.
//! The means are the teacher's and nobody else's: pooled over models they would hold the style of who decides so most often.
//! An answer is never paired with itself, so that D2 stays unbiased.

use std::collections::BTreeMap;

use crate::style::SELDOM;

/// Answers of a class that its mean is taken of, at most: evenly spread over the others.
const MOST: usize = 250;

/// An answer among those that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    answer: T,
    class: usize,
    /// m(d, answer) for every class d.
    usual: Vec<f64>,
}

/// What is usual for each class: (n·mean of the n answers of the class + 4·mean of all)/(n + 4).
pub struct Given<C, T, K> {
    kernel: K,
    /// Classes of the teacher; one more stands for all others, for which the mean of all is usual.
    classes: BTreeMap<C, usize>,
    /// Number in the teacher's answers, class and answer.
    reference: Vec<(usize, usize, T)>,
    /// Answers of the reference by class.
    counts: Vec<f64>,
    /// M.
    between: Vec<Vec<f64>>,
}

impl<C: Ord + Clone, T: Clone, K: Fn(&T, &T) -> f64> Given<C, T, K> {
    /// From the teacher's answers and their classes.
    pub fn new(teacher: &[(C, T)], kernel: K) -> Self {
        let mut of_class: BTreeMap<C, Vec<usize>> = BTreeMap::new();
        for (place, (class, _)) in teacher.iter().enumerate() {
            of_class.entry(class.clone()).or_default().push(place);
        }
        let mut reference = Vec::new();
        let mut counts = Vec::new();
        for (class, places) in of_class.values().enumerate() {
            let kept = places.len().min(MOST);
            let chosen = (0..kept).map(|k| places[k * places.len() / kept]);
            reference.extend(chosen.map(|place| (place, class, teacher[place].1.clone())));
            counts.push(kept as f64);
        }
        counts.push(0.0);
        let classes = of_class.into_keys().enumerate().map(|(place, class)| (class, place)).collect();
        let mut given = Self { kernel, classes, reference, counts, between: Vec::new() };
        let all = 0..given.counts.len();
        let usual: Vec<Vec<f64>> =
            given.reference.iter().map(|(place, _, answer)| given.usual(answer, Some(*place))).collect();
        given.between = all.clone().map(|d| all.clone().map(|e| given.mean(d, |z| usual[z][e])).collect()).collect();
        given
    }

    /// The weight of an answer of the reference in the mean of a class.
    fn weight(&self, class: usize, of: usize) -> f64 {
        f64::from(u8::from(class == of)) + SELDOM / self.reference.len() as f64
    }

    fn mean(&self, class: usize, value: impl Fn(usize) -> f64) -> f64 {
        let weigh = |(z, (_, of, _)): (usize, &(usize, usize, T))| {
            let weight = self.weight(class, *of);
            (weight * value(z), weight)
        };
        let (sum, weight) =
            self.reference.iter().enumerate().map(weigh).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        if weight > 0.0 { sum / weight } else { 0.0 }
    }

    /// m(d, answer) for every class; `own` is its number among the teacher's answers, where it is one.
    fn usual(&self, answer: &T, own: Option<usize>) -> Vec<f64> {
        let classes = self.counts.len();
        let (mut sums, mut counts, mut all, mut answers) = (vec![0.0; classes], self.counts.clone(), 0.0, 0.0);
        for (place, class, other) in &self.reference {
            if own == Some(*place) {
                counts[*class] -= 1.0;
                continue;
            }
            let value = (self.kernel)(answer, other);
            sums[*class] += value;
            all += value;
            answers += 1.0;
        }
        let of_all = all / f64::max(answers, 1.0);
        sums.iter().zip(counts).map(|(sum, count)| (sum + SELDOM * of_all) / (count + SELDOM)).collect()
    }

    /// An answer with its class; `own` is its number in what [`Given::new`] was given, for the teacher's own.
    pub fn place(&self, class: &C, answer: T, own: Option<usize>) -> Placed<T> {
        let class = self.classes.get(class).copied().unwrap_or(self.counts.len() - 1);
        Placed { class, usual: self.usual(&answer, own), answer }
    }

    /// The kernel of two answers less what is usual for their classes.
    pub fn kernel(&self, x: &Placed<T>, y: &Placed<T>) -> f64 {
        (self.kernel)(&x.answer, &y.answer) - y.usual[x.class] - x.usual[y.class] + self.between[x.class][y.class]
    }
}
