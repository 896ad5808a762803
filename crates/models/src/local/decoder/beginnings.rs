//! The sequences of a block without their repetitions: what several begin with is computed once.

use std::collections::VecDeque;
use std::ops::Range;

use crate::Block;
use crate::local::prefixes::tree;

/// Tokens of a sequence behind those of the run that it follows.
pub(super) struct Run<'a> {
    /// The run that it follows; it stands before this one.
    pub(super) behind: Option<usize>,
    /// Position of its first token.
    pub(super) start: usize,
    pub(super) tokens: &'a [u32],
}

/// All tokens of a block, each once.
pub(super) struct Runs<'a> {
    /// Generation by generation: whatever a run follows stands in an earlier one.
    pub(super) runs: Vec<Run<'a>>,
    pub(super) generations: Vec<Range<usize>>,
    /// The run with the last tokens of each sequence.
    last: Vec<usize>,
}

impl<'a> Runs<'a> {
    pub(super) fn of(block: &'a Block) -> Runs<'a> {
        let sequences: Vec<_> = block.sequences.iter().map(|sequence| sequence.tokens.as_slice()).collect();
        let whole = (0..sequences.len()).filter(|&sequence| !sequences[sequence].is_empty());
        let mut waiting: VecDeque<_> = tree(&sequences, whole).into_iter().map(|part| (part, None, 0)).collect();
        let (mut runs, mut generations, mut last) = (Vec::new(), Vec::<Range<usize>>::new(), vec![0; sequences.len()]);
        while let Some((part, behind, generation)) = waiting.pop_front() {
            let run = runs.len();
            match generations.get_mut(generation) {
                Some(generation) => generation.end = run + 1,
                None => generations.push(run..run + 1),
            }
            let (start, tokens) = (part.tokens.start, &sequences[part.request][part.tokens]);
            runs.push(Run { behind, start, tokens });
            last[part.request] = run;
            waiting.extend(part.then.into_iter().map(|part| (part, Some(run), generation + 1)));
        }
        Runs { runs, generations, last }
    }

    /// Where a position of a sequence is computed: its run, and its place there.
    pub(super) fn find(&self, sequence: usize, position: usize) -> (usize, usize) {
        let mut run = self.last[sequence];
        while let (true, Some(behind)) = (position < self.runs[run].start, self.runs[run].behind) {
            run = behind;
        }
        (run, position - self.runs[run].start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequence;

    #[test]
    fn every_position_is_found_and_common_ones_stand_once() {
        let head: Vec<u32> = (0..20).collect();
        let middle: Vec<u32> = (30..40).collect();
        let of = |parts: &[&[u32]]| Sequence { tokens: parts.concat(), rows: Vec::new() };
        let block = Block {
            sequences: vec![
                of(&[&head, &middle, &[1]]),
                of(&[&[7, 8]]),
                of(&[&head, &middle, &[2, 3]]),
                of(&[&head, &[9]]),
                of(&[]),
                of(&[&head, &middle]),
            ],
        };
        let runs = Runs::of(&block);
        for (index, sequence) in block.sequences.iter().enumerate() {
            for (position, &token) in sequence.tokens.iter().enumerate() {
                let (run, place) = runs.find(index, position);
                assert_eq!(runs.runs[run].tokens[place], token, "sequence {index}, position {position}");
            }
        }
        // The head once, the middle but for its last token once, every sequence a token of its own.
        assert_eq!(runs.runs.iter().map(|run| run.tokens.len()).sum::<usize>(), 20 + 9 + 2 + 3 + 1 + 1 + 2);
        for (generation, range) in runs.generations.iter().enumerate() {
            for run in &runs.runs[range.clone()] {
                assert_eq!(run.behind.is_none(), generation == 0);
                assert!(run.behind.is_none_or(|behind| behind < range.start));
            }
        }
    }
}
