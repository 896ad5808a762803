//! Two distributions of which a list each is known, and between which numbers what they are to one another lies.
//!
//! A token is known of both, of one, or of neither. Of one that a list lacks no more is known than that it is no more probable than the
//! last that is listed, and that all such tokens together have what the list leaves of 1. The distributions that fit the lists and are
//! closest to each other give lower bounds of every divergence at once: a divergence Σ f(p, q) that is convex and grows in proportion is
//! least where p/q is the same for all that is open, but for what the lists forbid. Upper bounds put what is open on tokens that the
//! other model does not have. All bounds are those of what two rows of logits would give, floors included; with the whole vocabulary on
//! both lists both bounds are that number.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use super::falling::Falling;
use super::{ListedDistribution, kept_share, log_ratio};
use crate::position::ranks::{RANKED, tau_b};
use crate::position::sums::LEAST_LOG_PROB;

/// Mass of a tail beyond the 0.9 nucleus at most.
const LARGEST_TAIL: f64 = 0.1;
/// Halvings of a logarithm until it is a number of 64 bits.
const HALVINGS: usize = 64;
/// ln of the largest ratio of two probabilities that is looked for.
const LARGEST_LOG_RATIO: f64 = 64.0;
/// What rounding may add to a divergence that is bounded by ln 2.
const ROUNDING: f64 = 1e-5;

/// Two numbers with the one that is wanted between them; equal where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Within {
    /// It is at least that.
    pub low: f32,
    /// It is at most that.
    pub high: f32,
}

impl Within {
    fn of(low: f64, high: f64) -> Within {
        // A bound that rounding has carried beyond the other is that other.
        Within { low: low.min(high) as f32, high: high as f32 }
    }

    fn exactly(value: f64) -> Within {
        Within { low: value as f32, high: value as f32 }
    }
}

/// What is known of one position from two lists. Natural logarithms; divergences in nats.
///
/// Names are those of [`PositionStats`](crate::PositionStats), whose numbers lie within these bounds. What two lists do not bound is not
/// here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedStats {
    /// Token that the text really continues with.
    pub target: u32,
    /// ln p(target); `None` where the teacher's server does not say it.
    pub teacher_logprob: Option<f32>,
    /// ln q(target); as the teacher's.
    pub student_logprob: Option<f32>,
    /// KL(p‖q), q floored at 1e−12.
    pub kl: Within,
    /// KL(q‖p), p floored at 1e−12.
    pub reverse_kl: Within,
    /// Jensen–Shannon divergence.
    pub jsd: Within,
    /// Σ min(p, q).
    pub overlap: Within,
    /// H(p).
    pub teacher_entropy: Within,
    /// H(q).
    pub student_entropy: Within,
    /// Teacher's most probable token; ties go to the lowest id.
    pub teacher_top1: u32,
    /// Student's most probable token.
    pub student_top1: u32,
    /// p of the teacher's most probable token.
    pub teacher_top1_prob: f32,
    /// q of the student's most probable token.
    pub student_top1_prob: f32,
    /// Kendall's tau-b over the teacher's ten most probable tokens; `None` where the teacher's list is shorter or one of them is not
    /// known by its id, where two of them or more are not known of the student, so that nobody knows their order, or where all are tied.
    pub kendall_tau: Option<f32>,
    /// Σ p beyond the teacher's 0.9 nucleus.
    pub tail_mass: Within,
    /// Σ min(p, q) there.
    pub tail_kept: Within,
    /// Σ max(q − p, 0) there.
    pub tail_invented: Within,
    /// Σ p over tokens of which p is not known.
    pub teacher_unlisted: f32,
    /// Σ q over tokens of which q is not known.
    pub student_unlisted: f32,
}

/// A token that is known of both.
struct Both {
    log_p: f64,
    log_q: f64,
    in_tail: bool,
}

/// Every token by what is known of it.
struct Cells {
    both: Vec<Both>,
    /// p of those that only the teacher's list has, and whether they are beyond its nucleus.
    teachers: Vec<(f64, bool)>,
    /// q of those that only the student's has; none of them is in the teacher's nucleus where that is known.
    students: Falling,
}

/// What is open between two lists: tokens of one, and the rest of both.
struct Open {
    /// p of the tokens whose q is open.
    ps: Falling,
    /// q of the tokens whose p is open.
    qs: Falling,
    /// All of p that is open, and each of it at most.
    p_rest: f64,
    p_each: f64,
    q_rest: f64,
    q_each: f64,
}

/// What two lists at one position say of both models; `entries` tokens have a probability at most.
pub fn bounds(teacher: &ListedDistribution, student: &ListedDistribution, entries: usize) -> BoundedStats {
    let cells = Cells::of(teacher, student);
    let open = Open::of(&cells, teacher, student);
    let (kl, reverse_kl) = (kl(&cells, &open, teacher, student), {
        let (cells, open) = (cells.swapped(), open.swapped());
        self::kl(&cells, &open, student, teacher)
    });
    let (overlap, jsd) = (overlap(&cells, &open, |_| true), jsd(&cells, &open));
    let (tail_mass, tail_kept, tail_invented) = tail(&cells, &open, teacher);
    let top = |of: &ListedDistribution| of.head.first().copied().unwrap_or((of.next, 0.0));
    let (teacher_top, student_top) = (top(teacher), top(student));
    let found = BoundedStats {
        target: teacher.next,
        teacher_logprob: teacher.next_logprob,
        student_logprob: student.next_logprob,
        kl,
        reverse_kl,
        jsd,
        overlap,
        teacher_entropy: entropy(teacher, entries),
        student_entropy: entropy(student, entries),
        teacher_top1: teacher_top.0,
        student_top1: student_top.0,
        teacher_top1_prob: teacher_top.1.exp(),
        student_top1_prob: student_top.1.exp(),
        kendall_tau: kendall_tau(teacher, student),
        tail_mass,
        tail_kept,
        tail_invented,
        teacher_unlisted: teacher.rest() as f32,
        student_unlisted: student.rest() as f32,
    };
    found.loosened([teacher.off, student.off])
}

impl BoundedStats {
    /// With bounds that hold where all probabilities that a model lists may be too large, or too small, by this share of theirs.
    fn loosened(mut self, off: [f64; 2]) -> Self {
        // Σ p·f with p·(1 + off) for p is larger by off times itself; where f has a ln p, by off times Σ p besides.
        let by = |within: &mut Within, off: f64, most: f64| {
            let [low, high] = [within.low, within.high].map(f64::from);
            if off > 0.0 {
                *within = Within::of((low - off * (1.0 + low)).max(0.0), (high + off * (1.0 + high)).min(most));
            }
        };
        let [of_teacher, of_student] = off;
        let both = of_teacher + of_student;
        by(&mut self.teacher_entropy, of_teacher, f64::INFINITY);
        by(&mut self.student_entropy, of_student, f64::INFINITY);
        by(&mut self.kl, both, f64::INFINITY);
        by(&mut self.reverse_kl, both, f64::INFINITY);
        by(&mut self.jsd, both, LN_2);
        by(&mut self.overlap, both, 1.0);
        by(&mut self.tail_mass, of_teacher, 1.0);
        let most = f64::from(self.tail_mass.high);
        by(&mut self.tail_kept, both, most);
        by(&mut self.tail_invented, both, 1.0);
        self
    }
}

impl Cells {
    fn of(teacher: &ListedDistribution, student: &ListedDistribution) -> Cells {
        let nucleus = teacher.nucleus.unwrap_or(teacher.head.len());
        let ranked = teacher.known().enumerate();
        let mut teachers: BTreeMap<u32, (f64, bool)> =
            ranked.map(|(rank, (token, log_p))| (token, (log_p, rank >= nucleus))).collect();
        let (mut both, mut students) = (Vec::new(), Vec::new());
        for (token, log_q) in student.known() {
            match teachers.remove(&token) {
                Some((log_p, in_tail)) => both.push(Both { log_p, log_q, in_tail }),
                None => students.push(log_q.exp()),
            }
        }
        let teachers = teachers.into_values().map(|(log_p, in_tail)| (log_p.exp(), in_tail)).collect();
        Cells { both, teachers, students: Falling::of(students) }
    }

    /// The models exchanged; what is a tail is not.
    fn swapped(&self) -> Cells {
        let both = self.both.iter().map(|cell| Both { log_p: cell.log_q, log_q: cell.log_p, in_tail: true });
        Cells {
            both: both.collect(),
            teachers: self.students.each().map(|q| (q, true)).collect(),
            students: Falling::of(self.teachers.iter().map(|&(p, _)| p).collect()),
        }
    }
}

impl Open {
    fn of(cells: &Cells, teacher: &ListedDistribution, student: &ListedDistribution) -> Open {
        Open {
            ps: Falling::of(cells.teachers.iter().map(|&(p, _)| p).collect()),
            qs: cells.students.clone(),
            p_rest: teacher.rest_at_most(),
            p_each: teacher.each_at_most(),
            q_rest: student.rest_at_most(),
            q_each: student.each_at_most(),
        }
    }

    fn swapped(&self) -> Open {
        let (ps, qs) = (self.qs.clone(), self.ps.clone());
        Open { ps, qs, p_rest: self.q_rest, p_each: self.q_each, q_rest: self.p_rest, q_each: self.p_each }
    }

    /// The same with a q that a floor has lifted, token by token.
    fn floored(&self, least: f64) -> Open {
        let qs = Falling::of(self.qs.each().map(|q| q.max(least)).collect());
        let (q_rest, q_each) = (self.q_rest + least * self.ps.len() as f64, self.q_each.max(least));
        Open { ps: self.ps.clone(), qs, q_rest, q_each, ..*self }
    }

    /// p and q of what is open, as close to each other as the lists allow: tokens of the teacher's list, of the student's, and all
    /// others as one. So are all tokens of a list with the same p/q: of a divergence that grows in proportion they are one.
    ///
    /// Where p/q = ρ throughout, nothing is lost; a token that would then have more than it may has what it may. ρ is where p and q of
    /// the others are in that proportion, too. Where one of these is used up before, tokens of the teacher's list and of the student's
    /// share each what there is for them.
    fn closest(&self) -> Vec<(f64, f64)> {
        let q_used = |ratio: f64| self.ps.scaled(1.0 / ratio, self.q_each);
        let p_used = |ratio: f64| self.qs.scaled(ratio, self.p_each);
        let [least, most] = [-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO];
        let enough_q = first(least, most, |log| q_used(log.exp()) <= self.q_rest);
        let too_little_p = first(least, most, |log| p_used(log.exp()) > self.p_rest);
        let [of_teacher, of_student] = if enough_q < too_little_p {
            let left = |log: f64| {
                let ratio = log.exp();
                self.p_rest - p_used(ratio) - ratio * (self.q_rest - q_used(ratio))
            };
            [first(enough_q, too_little_p, |log| left(log) <= 0.0); 2]
        } else {
            [enough_q, too_little_p]
        };
        let (of_teacher, of_student) = (of_teacher.exp(), of_student.exp());
        let teachers = self.ps.pairs(1.0 / of_teacher, self.q_each);
        let students = self.qs.pairs(of_student, self.p_each).map(|(q, p)| (p, q));
        let p_left = (self.p_rest - p_used(of_student)).max(0.0);
        let q_left = (self.q_rest - q_used(of_teacher)).max(0.0);
        teachers.chain(students).chain([(p_left, q_left)]).collect()
    }
}

/// The least number between two of which something holds that holds from there on; the larger where it never does.
fn first(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    if holds(low) {
        return low;
    }
    let (mut low, mut high) = (low, high);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

/// KL(p‖q) in nats.
fn kl(cells: &Cells, open: &Open, teacher: &ListedDistribution, student: &ListedDistribution) -> Within {
    let floor = f64::from(LEAST_LOG_PROB);
    let known: f64 = cells.both.iter().map(|cell| cell.log_p.exp() * log_ratio(cell.log_p, cell.log_q)).sum();
    if teacher.whole && student.whole && open.ps.is_empty() {
        return Within::exactly(known);
    }
    // What rounding may take from p is not to raise the bound.
    let closest = Open { p_rest: teacher.rest(), ..open.floored(floor.exp()) }.closest();
    let term = |&(p, q): &(f64, f64)| if p > 0.0 { p * (p / q.max(floor.exp())).ln() } else { 0.0 };
    let low = known + closest.iter().map(term).sum::<f64>();
    let farthest = |p: f64, log_q: f64| if p > 0.0 { (p.ln() - log_q).max(0.0) } else { 0.0 };
    let high = if student.whole {
        // The teacher may have what is open where the student has least.
        let shares = open.qs.least(open.p_rest, open.p_each);
        shares.map(|(q, p)| p * farthest(open.p_each, q.ln().max(floor))).sum::<f64>()
    } else {
        // The student may have next to nothing where the teacher has what is open: what is left is the floor.
        open.ps.each().map(|p| p * farthest(p, floor)).sum::<f64>() + open.p_rest * farthest(open.p_each, floor)
    };
    Within::of(low.max(0.0), (known + high).max(0.0))
}

/// The Jensen–Shannon divergence in nats.
fn jsd(cells: &Cells, open: &Open) -> Within {
    let term = |p: f64, q: f64| {
        let half = |x: f64| if x > 0.0 { 0.5 * x * (2.0 * x / (p + q)).ln() } else { 0.0 };
        half(p) + half(q)
    };
    let known: f64 = cells.both.iter().map(|cell| term(cell.log_p.exp(), cell.log_q.exp())).sum();
    let of_open = open.ps.sum() + open.qs.sum() + open.p_rest + open.q_rest;
    if of_open <= 0.0 {
        return Within::exactly(known);
    }
    let closest: f64 = open.closest().iter().map(|&(p, q)| term(p, q)).sum();
    Within::of((known + closest - ROUNDING).max(0.0), (known + 0.5 * LN_2 * of_open).min(LN_2))
}

/// Σ min(p, q) over the tokens of both lists that are wanted, and over all others that may be: those of the teacher's nucleus are not
/// where only its tail is wanted.
fn overlap(cells: &Cells, open: &Open, wanted: impl Fn(bool) -> bool) -> Within {
    let of_both = cells.both.iter().filter(|cell| wanted(cell.in_tail));
    let known: f64 = of_both.map(|cell| cell.log_p.exp() * kept_share(cell.log_p, cell.log_q)).sum();
    let of_teacher = cells.teachers.iter().filter(|(_, in_tail)| wanted(*in_tail));
    let shared_by_student = of_teacher.map(|(p, _)| p.min(open.q_each)).sum::<f64>().min(open.q_rest);
    let shared_by_teacher = open.qs.scaled(1.0, open.p_each).min(open.p_rest);
    // What is left of p behind the student's tokens meets what is left of q behind the teacher's.
    let most = (open.p_rest + shared_by_student).min(open.q_rest + shared_by_teacher);
    Within::of(known, (known + most).min(1.0))
}

/// Mass, what is kept of it and what is invented beyond the teacher's 0.9 nucleus.
fn tail(cells: &Cells, open: &Open, teacher: &ListedDistribution) -> (Within, Within, Within) {
    let kept = overlap(cells, open, |in_tail| in_tail);
    let nucleus: f64 = teacher.head.iter().take(teacher.nucleus.unwrap_or(0)).map(|(_, p)| f64::from(*p).exp()).sum();
    let of_tail = || cells.both.iter().filter(|cell| cell.in_tail);
    let beyond = of_tail().map(|cell| (cell.log_q.exp() - cell.log_p.exp()).max(0.0)).sum::<f64>();
    let students = open.qs.sum();
    if teacher.nucleus.is_none() {
        // Tokens that are not listed may be in the nucleus, and what is beyond may be next to nothing.
        let mass = (1.0 - teacher.mass).clamp(0.0, LARGEST_TAIL);
        let q: f64 = of_tail().map(|cell| cell.log_q.exp()).sum();
        let kept = f64::from(kept.high).min(mass);
        return (Within::of(0.0, mass), Within::of(0.0, kept), Within::of(0.0, q + students + open.q_rest));
    }
    let at_least = (students - open.qs.scaled(1.0, open.p_each)).max(0.0);
    let mass = (1.0 - nucleus).max(0.0);
    let kept = Within::of(kept.low.into(), f64::from(kept.high).min(mass));
    (Within::exactly(mass), kept, Within::of(beyond + at_least, beyond + students + open.q_rest))
}

/// The entropy in nats: what is open is on as few tokens as can be, or on all of them alike.
fn entropy(of: &ListedDistribution, entries: usize) -> Within {
    let part = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let known: f64 = of.known().map(|(_, log_p)| -log_p * log_p.exp()).sum();
    if of.whole {
        return Within::exactly(known);
    }
    let (least, most, each) = (of.rest_at_least(), of.rest_at_most(), of.each_at_most());
    let others = entries.saturating_sub(of.known().count()).max(1) as f64;
    let full = if each > 0.0 { (least / each).floor() } else { 0.0 };
    let low = full * part(each) + part(least - full * each);
    Within::of(known + low, known + part(most) + most * others.ln())
}

/// As for two rows of logits: one token of which q is not known stands behind all others.
fn kendall_tau(teacher: &ListedDistribution, student: &ListedDistribution) -> Option<f32> {
    if teacher.head.len() < RANKED && !teacher.whole {
        return None;
    }
    let first: Vec<u32> = teacher.head.iter().take(RANKED).map(|(token, _)| *token).collect();
    let last = teacher.head.iter().take(RANKED).next_back().map_or(0.0, |(_, log_p)| f64::from(*log_p).exp());
    if teacher.nameless >= last && teacher.nameless > 0.0 {
        return None;
    }
    let students: BTreeMap<u32, f64> = student.known().filter(|(token, _)| first.contains(token)).collect();
    let of = |token: u32| students.get(&token).map(|log_q| *log_q as f32);
    // Nobody knows the order of two that the list lacks, even where the text says how probable one of them is.
    let listed = student.head.iter().filter(|(token, _)| first.contains(token)).count();
    if first.len() - listed > 1 {
        return None;
    }
    let pair = |(rank, &token): (usize, &u32)| (-(rank as f32), of(token).unwrap_or(f32::NEG_INFINITY));
    Some(tau_b(&first.iter().enumerate().map(pair).collect::<Vec<_>>())).filter(|tau| !tau.is_nan())
}
