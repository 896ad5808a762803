//! Kendall's rank correlation on the teacher's most probable tokens.

/// Tokens that are ranked.
pub const RANKED: usize = 10;
/// Entries looked at together.
const CHUNK: usize = 64;

/// The teacher's most probable tokens, at most ten, falling; ties to the lowest id; tokens of probability 0 left out.
pub fn top(logits: &[f32]) -> ([usize; RANKED], usize) {
    let (mut tokens, mut values, mut count) = ([0; RANKED], [f32::NEG_INFINITY; RANKED], 0);
    for (index, chunk) in logits.chunks(CHUNK).enumerate() {
        let largest = chunk.iter().fold(f32::NEG_INFINITY, |most, &l| most.max(l));
        if largest <= values[RANKED - 1] {
            continue;
        }
        for (offset, &logit) in chunk.iter().enumerate() {
            // Later tokens of equal logit stay behind.
            if logit <= values[RANKED - 1] {
                continue;
            }
            let place = values.partition_point(|&value| value >= logit);
            values.copy_within(place..RANKED - 1, place + 1);
            tokens.copy_within(place..RANKED - 1, place + 1);
            values[place] = logit;
            tokens[place] = index * CHUNK + offset;
            count = (count + 1).min(RANKED);
        }
    }
    (tokens, count)
}

/// Kendall's tau-b between the teacher's and the student's logits of the teacher's ten most probable tokens. `NaN` when
/// either side is all ties or there are fewer than two tokens.
pub fn kendall_tau(teacher: &[f32], student: &[f32]) -> f32 {
    let (tokens, count) = top(teacher);
    let pairs = tokens.map(|token| (teacher[token], student[token]));
    tau_b(&pairs[..count])
}

/// Kendall's tau-b of pairs of values (Kendall 1945). `NaN` when either side is all ties or there are fewer than two.
pub fn tau_b(values: &[(f32, f32)]) -> f32 {
    let (mut score, mut teacher_pairs, mut student_pairs) = (0_i32, 0_i32, 0_i32);
    for (i, a) in values.iter().enumerate() {
        for b in &values[i + 1..] {
            let t = sign(a.0, b.0);
            let s = sign(a.1, b.1);
            score += t * s;
            teacher_pairs += t.abs();
            student_pairs += s.abs();
        }
    }
    let pairs = f64::from(teacher_pairs) * f64::from(student_pairs);
    if pairs > 0.0 { (f64::from(score) / pairs.sqrt()) as f32 } else { f32::NAN }
}

/// −1, 0 or 1 as a is below, equal to or above b; −∞ equals −∞.
fn sign(a: f32, b: f32) -> i32 {
    i32::from(a > b) - i32::from(a < b)
}
