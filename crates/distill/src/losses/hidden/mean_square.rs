//! Mean square (1/d) Σ (s − t)², ≥ 0; ∂/∂s = 2 (s − t) / d. Hidden states as TinyBERT has them (Jiao et al. 2019, arXiv 1909.10351).
//! Its unit is the square of the teacher's stream: a few dimensions of large models are hundreds of times as long as the others, and
//! then they are most of it.

pub(super) fn row(student: &[f32], teacher: &[f32], gradient: &mut [f64]) -> f64 {
    let width = teacher.len() as f64;
    let mut squares = 0.0;
    for ((g, &s), &t) in gradient.iter_mut().zip(student).zip(teacher) {
        let apart = f64::from(s) - f64::from(t);
        squares += apart * apart;
        *g = 2.0 * apart / width;
    }
    squares / width
}
