//! Token sequences with a common beginning read it once: they are laid out as a tree of beginnings, and only what follows a
//! beginning is read for each.

use std::ops::Range;

/// Fewest tokens of a common beginning that are worth a sequence of their own.
pub(in crate::local) const LEAST: usize = 8;

/// Tokens to read behind those of the beginning above it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::local) struct Part {
    /// A request whose prompt has these tokens.
    pub request: usize,
    /// Where they stand in it.
    pub tokens: Range<usize>,
    /// What follows; empty where the prompt of `request` ends here.
    pub then: Vec<Part>,
}

/// The prompts of these requests as trees of beginnings, in an order of their tokens. Every prompt keeps a token of its own,
/// the one whose logits its answers begin with.
pub(in crate::local) fn tree(prompts: &[&[u32]], requests: impl Iterator<Item = usize>) -> Vec<Part> {
    tree_behind(prompts, requests, 0)
}

/// The same behind a beginning of so many tokens that all of them have.
pub(in crate::local) fn tree_behind(
    prompts: &[&[u32]],
    requests: impl Iterator<Item = usize>,
    read: usize,
) -> Vec<Part> {
    let mut sorted: Vec<usize> = requests.collect();
    sorted.sort_by(|&a, &b| prompts[a].cmp(prompts[b]).then(a.cmp(&b)));
    parts(prompts, &sorted, read)
}

/// Parts of prompts that have their first `read` tokens in common.
fn parts(prompts: &[&[u32]], sorted: &[usize], read: usize) -> Vec<Part> {
    let mut found = Vec::new();
    let mut rest = sorted;
    while let Some((&first, others)) = rest.split_first() {
        // As far as those that follow share as much as the next one does.
        let shared = |&other: &usize| common(prompts[first], prompts[other]);
        let with_next = others.first().map_or(0, shared);
        if with_next < read + LEAST {
            found.push(Part { request: first, tokens: read..prompts[first].len(), then: Vec::new() });
            rest = others;
            continue;
        }
        let members = 1 + others.iter().take_while(|other| shared(other) >= read + LEAST).count();
        let (group, after) = rest.split_at(members);
        let shortest = group[1..].iter().map(shared).min().unwrap_or(with_next);
        found.push(Part { request: first, tokens: read..shortest, then: parts(prompts, group, shortest) });
        rest = after;
    }
    found
}

/// Tokens that two prompts begin with alike, without the last of either.
pub(in crate::local) fn common(a: &[u32], b: &[u32]) -> usize {
    let most = a.len().min(b.len()).saturating_sub(1);
    a.iter().zip(b).take(most).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the prompts together again, and counts the tokens that are read.
    fn walk(prompts: &[&[u32]], parts: &[Part], before: &[u32], seen: &mut Vec<usize>) -> usize {
        let mut read = 0;
        for part in parts {
            let tokens = &prompts[part.request][part.tokens.clone()];
            assert!(!tokens.is_empty());
            let held = [before, tokens].concat();
            read += tokens.len();
            if part.then.is_empty() {
                assert_eq!(held, prompts[part.request], "request {}", part.request);
                seen.push(part.request);
            } else {
                assert!(part.then.len() > 1, "a beginning of one prompt alone");
                read += walk(prompts, &part.then, &held, seen);
            }
        }
        read
    }

    fn check(prompts: &[Vec<u32>], expected: usize) {
        let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let mut seen = Vec::new();
        let read = walk(&prompts, &tree(&prompts, 0..prompts.len()), &[], &mut seen);
        seen.sort_unstable();
        assert_eq!((seen, read), ((0..prompts.len()).collect::<Vec<_>>(), expected));
    }

    #[test]
    fn every_prompt_is_read_whole_and_common_beginnings_once() {
        let from = |start: u32, length: u32| (start..start + length).collect::<Vec<_>>();
        check(&[], 0);
        check(&[from(0, 20)], 20);
        // Nothing in common, or too little of it.
        check(&[from(0, 20), from(50, 20)], 40);
        check(&[[from(0, 7), from(50, 5)].concat(), [from(0, 7), from(60, 5)].concat()], 24);
        check(&[[from(0, 8), from(50, 5)].concat(), [from(0, 8), from(60, 5)].concat()], 18);
        // The same prompt twice: all but its last token once.
        check(&[from(0, 20), from(0, 20)], 21);
        // A ladder, with a beginning within a beginning; one prompt is the beginning of another.
        check(&[from(0, 10), from(0, 20), from(0, 30)], 9 + 1 + 10 + 1 + 11);
        let preface = from(0, 30);
        let of = |tail: Vec<u32>| [preface.clone(), tail].concat();
        check(&[of(from(100, 9)), from(900, 4), of(from(200, 9)), of(from(300, 9))], 30 + 3 * 9 + 4);
    }
}
