//! The loop that byte-pair encoding and SentencePiece share: join the best adjacent pair until none can be joined.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is joined: a number that the caller understands and the stretch of the text that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Symbol {
    pub(super) id: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A symbol of the sequence that is being merged: a node of a doubly linked list.
#[derive(Clone, Copy, Debug)]
struct Node {
    symbol: Symbol,
    prev: u32,
    next: u32,
    /// Counts the changes of this node, so that candidates of its past are recognised.
    age: u32,
}

const END: u32 = u32::MAX;
const DEAD: u32 = u32::MAX;

/// A pair that could be joined; the order is by rank, then from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate<R> {
    rank: R,
    left: u32,
    right: u32,
    ages: (u32, u32),
    joined: u32,
}

/// Scratch space, kept between words.
#[derive(Debug)]
pub(super) struct Merger<R> {
    nodes: Vec<Node>,
    heap: BinaryHeap<Reverse<Candidate<R>>>,
}

impl<R: Ord + Copy> Merger<R> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), heap: BinaryHeap::new() }
    }

    /// Merges `symbols`; `rule(a, b)` gives the rank (lowest first) and the number of what `a` and `b` join to.
    pub(super) fn merge(
        &mut self,
        symbols: impl Iterator<Item = Symbol>,
        rule: impl Fn(Symbol, Symbol) -> Option<(R, u32)>,
        mut out: impl FnMut(Symbol),
    ) {
        self.nodes.clear();
        self.heap.clear();
        for (i, symbol) in symbols.enumerate() {
            let i = i as u32;
            self.nodes.push(Node { symbol, prev: i.wrapping_sub(1), next: i + 1, age: 0 });
        }
        let Some(last) = self.nodes.last_mut() else {
            return;
        };
        last.next = END;
        for left in 0..self.nodes.len() as u32 - 1 {
            self.consider(left, left + 1, &rule);
        }
        while let Some(Reverse(best)) = self.heap.pop() {
            let (left, right) = (self.nodes[best.left as usize], self.nodes[best.right as usize]);
            if (left.age, right.age) != best.ages {
                continue;
            }
            self.nodes[best.right as usize].age = DEAD;
            let node = &mut self.nodes[best.left as usize];
            node.symbol.id = best.joined;
            node.symbol.end = right.symbol.end;
            node.age += 1;
            node.next = right.next;
            if right.next != END {
                self.nodes[right.next as usize].prev = best.left;
                self.consider(best.left, right.next, &rule);
            }
            if left.prev != END {
                self.consider(left.prev, best.left, &rule);
            }
        }
        let mut at = 0;
        while at != END {
            let node = self.nodes[at as usize];
            out(node.symbol);
            at = node.next;
        }
    }

    fn consider(&mut self, left: u32, right: u32, rule: &impl Fn(Symbol, Symbol) -> Option<(R, u32)>) {
        let (a, b) = (self.nodes[left as usize], self.nodes[right as usize]);
        if let Some((rank, joined)) = rule(a.symbol, b.symbol) {
            self.heap.push(Reverse(Candidate { rank, left, right, ages: (a.age, b.age), joined }));
        }
    }
}
