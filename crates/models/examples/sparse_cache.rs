//! What a sparse cache of a real teacher costs and how well it measures a student: bytes per token, error of the R1
//! estimates against the exact numbers, speed.
//!
//!     cargo run --release -p hydrometer-models --example sparse_cache -- TEACHER STUDENT TEXT CHUNKS
//!
//! TEACHER and STUDENT are model names of one vocabulary. TEXT is cut into chunks of 512 tokens; the second half of each
//! is scored.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use hydrometer_answers::cache::{DistributionReader, DistributionWriter, SequenceKey, SequenceRecords};
use hydrometer_answers::sparse::{Codec, Encoder};
use hydrometer_metrics::sparse::{SparseStats, Truncation};
use hydrometer_metrics::{Comparer, PositionStats};
use hydrometer_models::{Block, EngineOptions, Model, Precision, Scores, Sequence, logit_rows, open};

const N_CTX: usize = 512;
const TRUNCATIONS: [Truncation; 7] = [
    truncation(1.0, 64, 64, 16),
    truncation(0.95, 8, 64, 16),
    truncation(0.98, 8, 96, 16),
    truncation(0.98, 8, 128, 16),
    truncation(0.98, 8, 128, 24),
    truncation(0.99, 8, 128, 16),
    truncation(0.99, 8, 96, 32),
];

const fn truncation(mass: f64, k_min: u32, k_max: u32, draws: u32) -> Truncation {
    Truncation { mass, k_min, k_max, draws }
}

/// One codec under measurement.
struct Trial {
    encoder: Encoder,
    sequence: SequenceRecords,
    writer: DistributionWriter,
    record_bytes: usize,
    head: usize,
    /// Of encoding and of decoding each position.
    seconds: [Vec<f64>; 2],
    /// R1 minus R0 per position: KL, overlap, mass beyond the nucleus kept.
    differences: Vec<[f64; 3]>,
    /// What rounding alone did to the estimate of KL.
    rounding: Vec<f64>,
    /// Estimated and exact sums of what is beyond the nucleus: kept, mass.
    tail: [[f64; 2]; 2],
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [teacher, student, text, chunks] = &arguments[..] else {
        return Err("expected TEACHER STUDENT TEXT CHUNKS".into());
    };
    let options = EngineOptions { precision: Precision::Auto };
    let (teacher, student) = (open(teacher, &options)?, open(student, &options)?);
    let vocab = teacher.identity().logit_width().min(student.identity().logit_width());
    let model_key = teacher.identity().key();
    let folder = std::env::temp_dir().join(format!("sparse-cache-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut trials = Vec::new();
    for (index, truncation) in TRUNCATIONS.into_iter().enumerate() {
        let codec = Codec::of_logits(vocab, truncation);
        let writer = DistributionWriter::create(&folder.join(index.to_string()), &model_key, "teacher", codec)?;
        trials.push(Trial {
            encoder: codec.encoder()?,
            sequence: SequenceRecords::default(),
            writer,
            record_bytes: 0,
            head: 0,
            seconds: [Vec::new(), Vec::new()],
            differences: Vec::new(),
            rounding: Vec::new(),
            tail: [[0.0; 2]; 2],
        });
    }
    let text = std::fs::read_to_string(text)?;
    let tokens = teacher.tokens().ok_or("the teacher shows no tokens")?.encode(&text)?;
    let mut comparer = Comparer::new(vocab as usize);
    let mut exact = Vec::new();
    let start = Instant::now();
    for chunk in tokens.chunks_exact(N_CTX).take(chunks.parse()?) {
        let tokens = teacher.tokens().ok_or("the teacher shows no tokens")?.begin(chunk.to_vec());
        score(&*teacher, &*student, &tokens, &model_key, &mut comparer, &mut trials, &mut exact)?;
    }
    let kl = exact.iter().map(|s| f64::from(s.kl)).sum::<f64>() / exact.len() as f64;
    let overlap = exact.iter().map(|s| f64::from(s.overlap)).sum::<f64>() / exact.len() as f64;
    println!("{} → {}, vocabulary {vocab}", teacher.identity().name, student.identity().name);
    println!("{} positions in {:.0} s", exact.len(), start.elapsed().as_secs_f64());
    println!("exact: KL {kl:.5} nats, overlap {overlap:.5}");
    println!(
        "mass  k_min k_max draws | mean k  bytes/token  in file | KL: R1-R0 ± s.e.  mean |R1-R0|  rounding mean, |mean| | \
         overlap R1-R0 ± s.e. | tail kept R0, R1 | encode, decode µs"
    );
    for (index, trial) in trials.into_iter().enumerate() {
        report(trial, &folder.join(index.to_string()))?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn scores(model: &dyn Model) -> Result<&dyn Scores, Box<dyn Error>> {
    model.scores().ok_or_else(|| format!("{} shows no logits", model.identity().name).into())
}

/// Both models over one sequence; every codec sees every row.
fn score(
    teacher: &dyn Model,
    student: &dyn Model,
    tokens: &[u32],
    model_key: &str,
    comparer: &mut Comparer,
    trials: &mut [Trial],
    exact: &mut Vec<PositionStats>,
) -> Result<(), Box<dyn Error>> {
    let rows: Vec<u32> = (tokens.len() as u32 / 2..tokens.len() as u32 - 1).collect();
    let key = SequenceKey::new(model_key, tokens);
    for trial in trials.iter_mut() {
        trial.sequence = SequenceRecords::new(tokens.to_vec(), rows[0]);
    }
    let block = Block { sequences: vec![Sequence { tokens: tokens.to_vec(), rows: rows.clone() }] };
    let (mut p, mut q) = (scores(teacher)?.score(&block)?, scores(student)?.score(&block)?);
    let widths = [teacher, student].map(|model| model.identity().logit_width() as usize);
    let most = logit_rows(widths[0].max(widths[1]));
    let mut buffers = widths.map(|width| vec![0.0f32; most * width]);
    let vocab = widths[0].min(widths[1]);
    for first in (0..rows.len()).step_by(most) {
        let range = first..rows.len().min(first + most);
        p.read(range.clone(), &mut buffers[0][..range.len() * widths[0]])?;
        q.read(range.clone(), &mut buffers[1][..range.len() * widths[1]])?;
        let pairs = buffers[0].chunks_exact(widths[0]).zip(buffers[1].chunks_exact(widths[1]));
        for ((p, q), &row) in pairs.zip(&rows[range]) {
            let (p, q) = (&p[..vocab], &q[..vocab]);
            let stats = comparer.compare(p, q, tokens[row as usize + 1])?;
            let normaliser = log_sum_exp(q);
            for trial in trials.iter_mut() {
                trial.see(p, |token| f64::from(q[token as usize]) - normaliser, key.seed(row), &stats)?;
            }
            exact.push(stats);
        }
    }
    for trial in trials {
        trial.writer.add(&trial.sequence)?;
    }
    Ok(())
}

impl Trial {
    fn see(
        &mut self,
        teacher: &[f32],
        log_q: impl Fn(u32) -> f64,
        seed: u64,
        exact: &PositionStats,
    ) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        let kept = self.sequence.push(|out| self.encoder.encode(teacher, seed, out))?;
        self.seconds[0].push(start.elapsed().as_secs_f64());
        let record = self.sequence.record(self.sequence.len() - 1).ok_or("no record")?;
        self.record_bytes += record.len();
        let start = Instant::now();
        let decoded = self.encoder.codec().decode(record)?;
        self.seconds[1].push(start.elapsed().as_secs_f64());
        self.head += decoded.head.len();
        let known = |stats: &SparseStats| -> Option<[f64; 4]> {
            Some([stats.kl?, stats.overlap?, stats.kept_beyond_nucleus?, stats.mass_beyond_nucleus?])
        };
        let found = known(&decoded.compare(&log_q)).ok_or("no draws")?;
        let unrounded = known(&kept.compare(&log_q)).ok_or("no draws")?;
        let beyond = |bands: [f32; 4]| f64::from(bands[2]) + f64::from(bands[3]);
        let truth =
            [f64::from(exact.kl), f64::from(exact.overlap), beyond(exact.band_overlap), beyond(exact.band_mass)];
        self.differences.push([0, 1, 2].map(|i| found[i] - truth[i]));
        self.rounding.push(found[0] - unrounded[0]);
        for i in 0..2 {
            self.tail[0][i] += found[2 + i];
            self.tail[1][i] += truth[2 + i];
        }
        Ok(())
    }
}

fn report(trial: Trial, path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let Trial { encoder, writer, record_bytes, head, seconds, differences, rounding, tail, .. } = trial;
    let rows = differences.len() as f64;
    let file = writer.finish()? as f64 / rows;
    let problems = DistributionReader::open(path)?.verify()?;
    if !problems.is_empty() {
        return Err(format!("{problems:?}").into());
    }
    // Medians: a busy machine makes some positions look slow.
    let [encode, decode] = seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        1e6 * seconds[seconds.len() / 2]
    });
    let Truncation { mass, k_min, k_max, draws } = encoder.codec().truncation;
    let spread = |i: usize| {
        let mean = differences.iter().map(|d| d[i]).sum::<f64>() / rows;
        let squares = differences.iter().map(|d| (d[i] - mean).powi(2)).sum::<f64>();
        (mean, (squares / rows / (rows - 1.0)).sqrt())
    };
    let absolute = |values: &mut dyn Iterator<Item = f64>| values.map(f64::abs).sum::<f64>() / rows;
    let ((kl, kl_error), (overlap, overlap_error)) = (spread(0), spread(1));
    println!(
        "{mass:<5} {k_min:>5} {k_max:>5} {draws:>5} | {:>6.1} {:>12.1} {file:>8.1} | {kl:+.2e} ± {kl_error:.1e}  {:.2e}  \
         {:+.1e}, {:.1e} | {overlap:+.1e} ± {overlap_error:.1e} | {:.4} {:.4} | {encode:.0} {decode:.1}",
        head as f64 / rows,
        record_bytes as f64 / rows,
        absolute(&mut differences.iter().map(|d| d[0])),
        rounding.iter().sum::<f64>() / rows,
        absolute(&mut rounding.iter().copied()),
        tail[1][0] / tail[1][1],
        tail[0][0] / tail[0][1],
    );
    Ok(())
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    f64::from(most) + row.iter().map(|&logit| f64::from(logit - most).exp()).sum::<f64>().ln()
}
