//! A row of logits as a distribution.

/// A next-token distribution over the whole vocabulary.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Natural logarithms of the probabilities.
    pub log: Vec<f64>,
    /// The probabilities; they sum to 1.
    pub prob: Vec<f64>,
}

impl Row {
    /// softmax(logits / temperature), in f64.
    pub fn fill(&mut self, logits: &[f32], temperature: f64) {
        self.log.clear();
        self.prob.clear();
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        self.log.extend(logits.iter().map(|&z| (f64::from(z) - largest) / temperature));
        self.prob.extend(self.log.iter().map(|u| u.exp()));
        let total: f64 = self.prob.iter().sum();
        let (log_total, inverse) = (total.ln(), total.recip());
        self.log.iter_mut().for_each(|u| *u -= log_total);
        self.prob.iter_mut().for_each(|p| *p *= inverse);
    }

    /// Entropy in nats.
    pub(super) fn entropy(&self) -> f64 {
        let terms = self.prob.iter().zip(&self.log).filter(|(p, _)| **p > 0.0);
        -terms.map(|(p, log)| p * log).sum::<f64>()
    }
}
