//! Cosine distance 1 − ⟨s, t⟩ / (|s| |t|), in [0, 2]: which way a state points, not how long it is. ∂/∂s = (cos · s / |s| − t / |t|)
//! / |s|. The third term of DistilBERT's loss (Sanh et al. 2019, arXiv 1910.01108). A state of length 0 points nowhere: its distance
//! is 1, and it has no gradient.

pub(super) fn row(student: &[f32], teacher: &[f32], gradient: &mut [f64]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let (ours, theirs) = (dot(student, student).sqrt(), dot(teacher, teacher).sqrt());
    if ours == 0.0 || theirs == 0.0 {
        gradient.fill(0.0);
        return 1.0;
    }
    let cosine = dot(student, teacher) / (ours * theirs);
    for ((g, &s), &t) in gradient.iter_mut().zip(student).zip(teacher) {
        *g = (cosine * f64::from(s) / ours - f64::from(t) / theirs) / ours;
    }
    1.0 - cosine
}
