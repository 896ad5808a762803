//! Fidelity is not quality: who is right where there is a truth.

/// One graded answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Graded {
    /// Its class.
    pub class: u32,
    /// The checker accepts it.
    pub right: bool,
}

/// Shares of the pairs (an answer of the teacher, an answer of the student) to one prompt; they sum to 1.
///
/// Expectations over all pairs, not over majorities: with one answer each they are the plain table of four cells, with
/// more they use every answer and stay unbiased. A prompt's `lost` orders the list of lost cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruthCells {
    /// Both are right.
    pub both_right: f64,
    /// The teacher is right, the student wrong.
    pub lost: f64,
    /// The student is right, the teacher wrong.
    pub gained: f64,
    /// Both are wrong, with the same answer.
    pub both_wrong_same: f64,
    /// Both are wrong, with different answers.
    pub both_wrong_different: f64,
}

impl TruthCells {
    /// The cells of one prompt; `None` when either model has no answer.
    pub fn of(teacher: &[Graded], student: &[Graded]) -> Option<Self> {
        let pairs = (teacher.len() * student.len()) as f64;
        let mut cells = [0.0; 5];
        for t in teacher {
            for s in student {
                let cell = match (t.right, s.right) {
                    (true, true) => 0,
                    (true, false) => 1,
                    (false, true) => 2,
                    (false, false) => 3 + usize::from(t.class != s.class),
                };
                cells[cell] += 1.0;
            }
        }
        let [both_right, lost, gained, both_wrong_same, both_wrong_different] = cells.map(|count| count / pairs);
        (pairs > 0.0).then_some(Self { both_right, lost, gained, both_wrong_same, both_wrong_different })
    }

    /// Chance that one is right and the other wrong.
    pub fn flips(&self) -> f64 {
        self.lost + self.gained
    }
}
