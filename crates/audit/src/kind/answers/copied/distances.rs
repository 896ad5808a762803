//! Squared distances of style and of decision between models, where they answer with chance and where they do not.

use std::collections::BTreeMap;

use hydrometer_metrics::kernel::{Given, Pair, PairMeans, Placed, d2, d2_shares, same};
use hydrometer_metrics::measure::illusion::{Copied, Distances};
use hydrometer_metrics::style::{FEATURES, Manner, Scale};
use hydrometer_probes::decision::Decision;
use rayon::prelude::*;

use super::read::{Free, Read, Side};

type Style = Placed<[f64; FEATURES]>;
type Kernel<'k> = Box<dyn Fn(&[f64; FEATURES], &[f64; FEATURES]) -> f64 + Sync + 'k>;

/// How everything is written, given its decision: less what is usual where the teacher decides so, in both of its runs.
pub(super) struct Written<'f, 'a> {
    free: &'f [Free<'a>],
    given: Given<Option<Decision>, [f64; FEATURES], Kernel<'static>>,
    /// By prompt and side.
    styles: Vec<[Vec<Style>; 4]>,
}

impl<'f, 'a> Written<'f, 'a> {
    /// `paired`: the student drew with the random numbers of the teacher's second run.
    pub(super) fn of(free: &'f [Free<'a>], paired: bool) -> Self {
        let styles = |sides: [Side; 2]| {
            free.iter().flat_map(move |prompt| sides.into_iter().flat_map(|side| prompt.of(side).written()))
        };
        let teacher: Vec<_> = styles([Side::Teacher, Side::Rerun]).collect();
        let manner = Manner::of(&teacher);
        let less = |(decision, style)| (decision, manner.less(&decision, &style));
        let compared = styles([Side::Teacher, Side::Base]).map(less);
        let scale = Scale::fit(&compared.map(|(_, style)| style).collect::<Vec<_>>());
        let kernel: Kernel<'static> = Box::new(move |x, y| scale.rbf(x, y));
        let given = Given::new(&teacher.into_iter().map(less).collect::<Vec<_>>(), kernel);
        // Where the teacher's answers to a prompt begin among all of its own.
        let begins = free.iter().scan(0, |next, prompt| {
            let own = *next;
            *next += prompt.of(Side::Teacher).len() + prompt.of(Side::Rerun).len();
            Some(own)
        });
        let begins: Vec<usize> = begins.collect();
        let place = |(prompt, begin): (&Free<'a>, usize)| {
            let [teacher, rerun] = [Side::Teacher, Side::Rerun].map(|side| prompt.of(side));
            let second = begin + teacher.len();
            Side::ALL.map(|side| {
                let answers = prompt.of(side);
                // Its number among the teacher's answers. One with the random numbers of one of them is as little compared with that.
                let own = |(k, &number): (usize, &u32)| match side {
                    Side::Teacher => Some(begin + k),
                    Side::Rerun => Some(second + k),
                    Side::Student if paired => {
                        rerun.numbers.iter().position(|of| *of == number).map(|place| second + place)
                    }
                    Side::Student | Side::Base => None,
                };
                let owns = answers.numbers.iter().enumerate().map(own);
                let placed = answers.written().map(less).zip(owns);
                placed.map(|((decision, style), own)| given.place(&decision, style, own)).collect()
            })
        };
        let styles = free.par_iter().zip(begins).map(place).collect();
        Self { free, given, styles }
    }

    fn style(&self, (prompt, side): (usize, Side)) -> &[Style] {
        &self.styles[prompt][side as usize]
    }

    fn kernel(&self) -> impl Fn(&Style, &Style) -> f64 + '_ {
        |x, y| self.given.kernel(x, y)
    }

    /// Distances of a model in the student's place, and of its start, from several draws of each. `paired`: it drew with the
    /// random numbers of the teacher's second run, and its distance is taken from that.
    pub(super) fn drawn(&self, model: (usize, Side), start: (usize, Side), paired: bool) -> Copied {
        let teacher = (model.0, Side::Teacher);
        let codes = |(prompt, side): (usize, Side)| self.free[prompt].of(side).codes();
        let style = |other| d2(self.style(teacher), self.style(other), &self.kernel());
        let decision = |other| d2(&codes(teacher), &codes(other), &same);
        let beside = self.pair(model).filter(|_| paired);
        let [style_left, decision_left] = beside.unwrap_or_else(|| [style(model), decision(model)]);
        let at_boundary = self.free[model.0].stratum().is_some();
        Copied {
            style: both(style_left, style(start)),
            at_boundary,
            decision: both(decision_left, decision(start)).filter(|_| at_boundary),
        }
    }

    /// Distances of style and of decision from the teacher's second run, over pairs of different numbers; `None` without such a run.
    fn pair(&self, model: (usize, Side)) -> Option<[Option<f64>; 2]> {
        let second = (model.0, Side::Rerun);
        let [ours, theirs] = [second, model].map(|(prompt, side)| self.free[prompt].of(side));
        let styles = |of: &Read, place| of.numbered(self.style(place));
        let kernel = self.kernel();
        let style = PairMeans::paired(&styles(ours, second), &styles(theirs, model), |x, y| kernel(x, y));
        let decision = PairMeans::paired(&ours.numbered_codes(), &theirs.numbered_codes(), same);
        (!ours.is_empty()).then(|| [style, decision].map(|means| means?.d2()))
    }

    /// What every prompt that is answered once stands for in the distance of a model's style from the teacher's.
    fn apart(&self, side: Side) -> Vec<Option<f64>> {
        let mut kinds: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, prompt) in self.free.iter().enumerate() {
            if prompt.once && !prompt.of(side).is_empty() {
                kinds.entry(prompt.stratum()).or_default().push(place);
            }
        }
        let of_kind = |places: &Vec<usize>| {
            let pair = |&place: &usize| Pair {
                family: &self.free[place].probe.family,
                x: &self.style((place, Side::Teacher))[0],
                y: &self.style((place, side))[0],
            };
            let shares = d2_shares(&places.iter().map(pair).collect::<Vec<_>>(), &self.kernel());
            places.iter().copied().zip(shares).collect::<Vec<_>>()
        };
        let mut found = vec![None; self.free.len()];
        for (place, share) in kinds.values().flat_map(of_kind) {
            found[place] = share;
        }
        found
    }
}

/// Distances where every model answers once, without chance.
///
/// A decision is then all that a model would ever decide, and D2 is 2 where two differ, else 0. Styles are compared over the
/// prompts of one kind of boundary, as the draws of one writer ([`d2_shares`]).
pub(super) struct Once<'f, 'a> {
    free: &'f [Free<'a>],
    /// Of each prompt, teacher against base.
    whole: Vec<Option<f64>>,
    /// Teacher against student.
    left: Vec<Option<f64>>,
}

impl<'f, 'a> Once<'f, 'a> {
    pub(super) fn new(free: &'f [Free<'a>], written: &Written<'_, '_>) -> Self {
        Self { free, whole: written.apart(Side::Base), left: written.apart(Side::Student) }
    }

    /// Distances of the student.
    pub(super) fn of_student(&self, own: usize) -> Copied {
        self.copied(own, self.left[own], Side::Student)
    }

    /// Distances of the teacher in the student's place: asked again without chance it says the same.
    pub(super) fn of_rerun(&self, own: usize) -> Copied {
        self.copied(own, self.whole[own].map(|_| 0.0), Side::Teacher)
    }

    fn copied(&self, own: usize, style: Option<f64>, side: Side) -> Copied {
        let prompt = &self.free[own];
        let at_boundary = prompt.stratum().is_some();
        let decided = |side: Side| prompt.of(side).codes().first().copied();
        let apart = |side: Side| Some(2.0 - 2.0 * same(&decided(Side::Teacher)?, &decided(side)?));
        Copied {
            style: both(style, self.whole[own]),
            at_boundary,
            decision: both(apart(side), apart(Side::Base)).filter(|_| at_boundary),
        }
    }
}

/// Both distances, where both are known.
fn both(left: Option<f64>, whole: Option<f64>) -> Option<Distances> {
    Some(Distances { left: left?, whole: whole? })
}
