//! Audits of made-up capabilities whose curves are known: how often the numbers of the geometry hold the truth.

#[path = "curves/dialogues.rs"]
mod dialogues;
#[path = "curves/held.rs"]
mod held;

use hydrometer_metrics::geometry::{
    Axis, Curve, Graded, Probe, Promise, RINGS, Ring, Rings, Volume, compare_volumes, reach, relative_fall_off, slope,
    volumes,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

pub use dialogues::{repeated, survival};
pub use held::{Held, Rates};

/// Radius of the farthest probe.
pub const END: f64 = 4.0;
/// Share of the ceiling that a ring may lose.
pub const DELTA: f64 = 0.1;
const LEVEL: f64 = 0.95;
/// Probes of a family.
const MEMBERS: usize = 5;
/// Variance of the latent ability that members of a family share, and that models share on a probe.
const FAMILY: f64 = 0.3;
const PROBE: f64 = 0.2;

/// How the student falls off beside the teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// As the teacher.
    Flat,
    /// Loses 15 % of what the teacher has per radius.
    Linear,
    /// Keeps 40 % from radius 1.5 on.
    Step,
    /// As the teacher up to radius 1.5, nothing from 2.5 on.
    Collapse,
    /// Everywhere a hair less than may be lost: the hardest case for the safe reach, which is 0.
    Margin,
}

pub const FALLS: [Fall; 5] = [Fall::Flat, Fall::Linear, Fall::Step, Fall::Collapse, Fall::Margin];

/// How families lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Five paraphrases at one radius.
    Paraphrases,
    /// Five rungs of a ladder, from the inside to the outside.
    Ladders,
}

/// How radii are spread over (0, 4].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Evenly.
    Even,
    /// Knob values 1 to 12, three to a radius.
    Knob,
    /// As distances of prompts often are: log-normal around 1, cut at 4.
    LongTail,
}

/// A made-up capability.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    pub fall: Fall,
    pub chance: f64,
    pub layout: Layout,
    pub spread: Spread,
    pub families: usize,
}

/// One probe's outcomes, owned.
pub struct Asked {
    pub family: String,
    pub radius: f64,
    pub teacher: f64,
    pub ceiling: f64,
    pub student: f64,
    pub control: f64,
    /// Another student with the same curve.
    pub twin: f64,
}

pub fn normal(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A uniform number that goes with others of the same family and probe.
fn copula(family: f64, probe: f64, random: &mut impl Rng) -> f64 {
    let own = 1.0 - FAMILY - PROBE;
    let latent = FAMILY.sqrt() * family + PROBE.sqrt() * probe + own.sqrt() * normal(random);
    Normal::standard().cdf(latent)
}

impl Capability {
    /// Teacher's and student's success at a radius.
    pub fn truth(&self, radius: f64) -> [f64; 2] {
        let teacher = 0.9 - 0.06 * radius;
        let kept = match self.fall {
            Fall::Flat => 1.0,
            Fall::Linear => 1.0 - 0.15 * radius,
            Fall::Step => {
                if radius <= 1.5 {
                    1.0
                } else {
                    0.4
                }
            }
            Fall::Collapse => (2.5 - radius).clamp(0.0, 1.0),
            Fall::Margin => 1.0 - DELTA - 1e-9,
        };
        [teacher, teacher * kept].map(|share| self.chance + (1.0 - self.chance) * share)
    }

    fn radius(&self, random: &mut impl Rng) -> f64 {
        match self.spread {
            Spread::Even => END * (1.0 - random.random::<f64>()),
            Spread::Knob => f64::from(random.random_range(1..=12)) / 3.0,
            Spread::LongTail => loop {
                let radius = (0.5 * normal(random)).exp();
                if radius <= END {
                    break radius;
                }
            },
        }
    }

    pub fn ask(&self, random: &mut ChaCha8Rng) -> Vec<Asked> {
        let mut asked = Vec::with_capacity(self.families * MEMBERS);
        for family in 0..self.families {
            let (ability, at) = (normal(random), self.radius(random));
            for member in 0..MEMBERS {
                let radius = match self.layout {
                    Layout::Paraphrases => at,
                    Layout::Ladders => END * (member as f64 + 1.0 - random.random::<f64>()) / MEMBERS as f64,
                };
                let (probe, [teacher, student]) = (normal(random), self.truth(radius));
                // From a stream of its own: the others' draws stay what they are.
                let mut apart = ChaCha8Rng::seed_from_u64(probe.to_bits());
                let twin = f64::from(u8::from(copula(ability, probe, &mut apart) < student));
                let mut passes = |share: f64| f64::from(u8::from(copula(ability, probe, random) < share));
                asked.push(Asked {
                    family: format!("{family:05}"),
                    radius,
                    teacher: passes(teacher),
                    ceiling: passes(teacher),
                    student: passes(student),
                    // A control that falls as the teacher does, from lower down.
                    control: passes(0.8 * teacher),
                    twin,
                });
            }
        }
        asked
    }

    pub fn rings(&self, random: &mut ChaCha8Rng) -> Rings {
        rings(&self.ask(random), RINGS)
    }

    fn stream(&self) -> ChaCha8Rng {
        let place = [self.fall as u64, self.layout as u64, self.spread as u64, (self.chance * 100.0) as u64];
        ChaCha8Rng::seed_from_u64(place.iter().fold(self.families as u64, |seed, part| seed * 131 + part))
    }

    /// Mean of teacher's and student's success between two radii.
    fn between(&self, inner: f64, outer: f64) -> [f64; 2] {
        let mut means = [0.0; 2];
        if self.spread == Spread::Knob {
            let knobs: Vec<f64> =
                (1..=12).map(|knob| f64::from(knob) / 3.0).filter(|&r| r > inner && r <= outer).collect();
            for &radius in &knobs {
                let truth = self.truth(radius);
                means.iter_mut().zip(truth).for_each(|(mean, truth)| *mean += truth / knobs.len() as f64);
            }
            return means;
        }
        let steps = 200;
        for step in 0..steps {
            let truth = self.truth(inner + (outer - inner) * (f64::from(step) + 0.5) / f64::from(steps));
            means.iter_mut().zip(truth).for_each(|(mean, truth)| *mean += truth / f64::from(steps));
        }
        means
    }

    fn of_ring(&self, ring: &Ring) -> [f64; 2] {
        self.between(ring.inner, ring.outer)
    }

    /// The volume up to the last ring.
    pub fn volume(&self, rings: &Rings) -> f64 {
        let mut above = [0.0; 2];
        for ring in rings.rings() {
            let means = self.of_ring(ring);
            above
                .iter_mut()
                .zip(means)
                .for_each(|(sum, mean)| *sum += (ring.outer - ring.inner) * (mean - self.chance));
        }
        above[1] / above[0]
    }

    /// The logistic coefficient that endless probes would give.
    fn slope(&self) -> f64 {
        let radii: Vec<f64> = match self.spread {
            Spread::Knob => (1..=12).map(|knob| f64::from(knob) / 3.0).collect(),
            Spread::Even => (0..4000).map(|place| END * (f64::from(place) + 0.5) / 4000.0).collect(),
            Spread::LongTail => {
                let mut random = ChaCha8Rng::seed_from_u64(1);
                (0..20_000).map(|_| self.radius(&mut random)).collect()
            }
        };
        let graded: Vec<Graded<'_>> = radii
            .iter()
            .cycle()
            .take(radii.len().max(4000))
            .map(|&radius| Graded { family: "all", radius, success: self.truth(radius)[1] })
            .collect();
        slope(&graded, LEVEL).expect("a curve between 0 and 1").per_radius.value
    }

    /// Shares of so many audits in which each number errs.
    pub fn rates(&self, audits: usize) -> Rates {
        let mut random = self.stream();
        let mut rates = Rates::default();
        let true_slope = self.slope();
        let promise = Promise { delta: DELTA, chance: self.chance, level: LEVEL };
        for _ in 0..audits {
            let asked = self.ask(&mut random);
            let rings = rings(&asked, RINGS);
            let curves = [Curve::Teacher, Curve::Student].map(|curve| rings.curve(curve, LEVEL));
            for (place, ring) in rings.rings().iter().enumerate() {
                for (curve, truth) in curves.iter().zip(self.of_ring(ring)) {
                    rates.rings.add(curve[place].as_ref(), truth);
                }
            }
            self.add_volume(&mut rates.volume, &rings);
            let graded: Vec<Graded<'_>> = asked.iter().map(Asked::of_student).collect();
            let found = slope(&graded, LEVEL).ok();
            rates.slope.add(found.as_ref().map(|slope| &slope.per_radius), true_slope);
            let found = reach(&rings, &promise).expect("probes");
            let kept = |ring: &Ring| {
                let [teacher, student] = self.of_ring(ring);
                student - self.chance >= (1.0 - DELTA) * (teacher - self.chance) - 1e-12
            };
            let safe = rings.rings().iter().take_while(|ring| kept(ring)).last().map_or(0.0, |ring| ring.outer);
            rates.reached += found.safe / audits as f64;
            rates.truly += safe / audits as f64;
            rates.overstated += f64::from(u8::from(found.safe > safe)) / audits as f64;
            let lost = rings.rings().iter().rev().take_while(|ring| !kept(ring)).last().map_or(END, |ring| ring.inner);
            let early = found.collapse.is_some_and(|collapse| collapse < lost);
            rates.collapse_early += f64::from(u8::from(early)) / audits as f64;
        }
        rates
    }

    fn add_volume(&self, held: &mut Held, rings: &Rings) {
        let axis = Axis { rings, chance: self.chance, deployment: None };
        match &volumes(&[axis], LEVEL).expect("probes").axes[0] {
            Volume::Kept(kept) => held.add(Some(&kept.uniform), self.volume(rings)),
            Volume::NothingToKeep(_) => held.add(None, 0.0),
        }
    }

    /// How often the volume where the student is used is held, and how often the illusion: mostly in the centre, less and less
    /// outwards, nothing in the last two rings.
    pub fn deployed(&self, audits: usize) -> [Held; 2] {
        let mut random = self.stream();
        let mut held = [Held::default(), Held::default()];
        let shares = [0.5, 0.25, 0.15, 0.1, 0.0, 0.0];
        for _ in 0..audits {
            let rings = rings(&self.ask(&mut random), RINGS);
            let axis = Axis { rings: &rings, chance: self.chance, deployment: Some(&shares) };
            let mut above = [0.0; 2];
            for (ring, share) in rings.rings().iter().zip(shares) {
                above.iter_mut().zip(self.of_ring(ring)).for_each(|(sum, mean)| *sum += share * (mean - self.chance));
            }
            let truth = above[1] / above[0];
            let truths = [truth, truth - self.volume(&rings)];
            let found = match &volumes(&[axis], LEVEL).expect("probes").axes[0] {
                Volume::Kept(kept) => [kept.deployment.clone(), kept.illusion.clone()],
                Volume::NothingToKeep(_) => [None, None],
            };
            held.iter_mut().zip(&found).zip(truths).for_each(|((held, found), truth)| held.add(found.as_ref(), truth));
        }
        held
    }

    /// How often the difference of the volumes of a student and its twin is held, and in which share of audits it is called one at 5 %.
    pub fn apart(&self, audits: usize) -> (Held, f64) {
        let mut random = self.stream();
        let (mut held, mut called) = (Held::default(), 0.0);
        for _ in 0..audits {
            let mut asked = self.ask(&mut random);
            let one = rings(&asked, RINGS);
            asked.iter_mut().for_each(|asked| asked.student = asked.twin);
            let other = rings(&asked, RINGS);
            let axis = |rings| [Axis { rings, chance: self.chance, deployment: None }];
            let found = compare_volumes(&axis(&one), &axis(&other), LEVEL).expect("the same rings");
            let Some(mean) = found.mean else { continue };
            if let Some(interval) = mean.paired.interval {
                held.intervals += 1;
                held.holding += usize::from((interval.low..=interval.high).contains(&0.0));
            }
            called += f64::from(u8::from(mean.paired.p_value.is_some_and(|p| p <= 0.05))) / audits as f64;
        }
        (held, called)
    }

    /// How often the volume is held when the same audits are cut into so many rings.
    pub fn volume_of(&self, cut: usize, audits: usize) -> Held {
        let mut random = self.stream();
        let mut held = Held::default();
        for _ in 0..audits {
            self.add_volume(&mut held, &rings(&self.ask(&mut random), cut));
        }
        held
    }

    /// How often the relative fall-off of each ring against the control is held.
    pub fn fall_offs(&self, audits: usize) -> Held {
        let mut random = self.stream();
        let mut held = Held::default();
        let logit = |share: f64| (share / (1.0 - share)).ln();
        for _ in 0..audits {
            let rings = self.rings(&mut random);
            let found = relative_fall_off(&rings, LEVEL).expect("a control");
            let of = |ring: &Ring| {
                let [teacher, student] = self.of_ring(ring);
                logit(student) - logit(0.8 * teacher)
            };
            for (ring, found) in rings.rings()[1..].iter().zip(&found) {
                held.add(found.as_ref(), of(ring) - of(&rings.rings()[0]));
            }
        }
        held
    }
}

impl Asked {
    pub fn of_student(&self) -> Graded<'_> {
        Graded { family: &self.family, radius: self.radius, success: self.student }
    }
}

pub fn rings(asked: &[Asked], wanted: usize) -> Rings {
    let probes: Vec<Probe<'_>> = asked
        .iter()
        .map(|asked| Probe {
            family: &asked.family,
            radius: asked.radius,
            teacher: asked.teacher,
            student: asked.student,
            ceiling: Some(asked.ceiling),
            base: None,
            control: Some(asked.control),
        })
        .collect();
    Rings::new(&probes, wanted).expect("probes")
}

/// Mean and worst of three axes: how often they are held.
pub fn axes(falls: [Fall; 3], families: usize, audits: usize) -> [Held; 2] {
    let capability =
        |fall| Capability { fall, chance: 0.25, layout: Layout::Paraphrases, spread: Spread::Even, families };
    let mut random = ChaCha8Rng::seed_from_u64(families as u64 * 7 + falls[2] as u64);
    let (mut mean, mut worst) = (Held::default(), Held::default());
    for _ in 0..audits {
        let capabilities = falls.map(capability);
        // Families of different axes have different names.
        let rings: Vec<Rings> = capabilities
            .iter()
            .enumerate()
            .map(|(axis, capability)| {
                let mut asked = capability.ask(&mut random);
                asked.iter_mut().for_each(|asked| asked.family = format!("{axis} {}", asked.family));
                rings(&asked, RINGS)
            })
            .collect();
        let truths: Vec<f64> = capabilities.iter().zip(&rings).map(|(c, rings)| c.volume(rings)).collect();
        let axes: Vec<Axis<'_>> = rings.iter().map(|rings| Axis { rings, chance: 0.25, deployment: None }).collect();
        let found = volumes(&axes, LEVEL).expect("probes");
        mean.add(found.mean.as_ref().map(|kept| &kept.uniform), truths.iter().sum::<f64>() / 3.0);
        let least = truths.iter().copied().fold(f64::INFINITY, f64::min);
        worst.add(found.worst.as_ref().map(|worst| &worst.kept), least);
    }
    [mean, worst]
}
