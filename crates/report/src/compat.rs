//! The llama.cpp-compatible block, laid out as `llama-perplexity --kl-divergence` prints it.

use hydrometer_metrics::compat::{Compat, Percentile, PlusMinus};

/// The block in that tool's own layout, so that its users can compare line by line.
#[must_use]
pub fn compat(compat: &Compat) -> String {
    let mut lines = vec!["====== Perplexity statistics ======".to_owned()];
    let wide = |label: &str, v: PlusMinus| format!("{label:<30}: {:>10.6} ± {:>10.6}", v.value, v.error);
    lines.push(wide("Mean PPL(Q)", compat.ppl_student));
    lines.push(wide("Mean PPL(base)", compat.ppl_teacher));
    lines.push(format!("{:<30}: {:>6.2}%", "Cor(ln(PPL(Q)), ln(PPL(base)))", 100.0 * compat.correlation));
    lines.push(wide("Mean ln(PPL(Q)/PPL(base))", compat.ln_ppl_ratio));
    lines.push(wide("Mean PPL(Q)/PPL(base)", compat.ppl_ratio));
    lines.push(wide("Mean PPL(Q)-PPL(base)", compat.ppl_difference));

    lines.push(String::new());
    lines.push("====== KL divergence statistics ======".into());
    lines.push(format!("Mean    KLD: {:>10.6} ± {:>10.6}", compat.mean_kl.value, compat.mean_kl.error));
    lines.extend(compat.kl_percentiles.iter().map(|p| format!("{} KLD: {:>10.6}", rank(p), p.value)));

    lines.push(String::new());
    lines.push("====== Token probability statistics ======".into());
    lines.push(format!("Mean    Δp: {}", percent(compat.mean_delta_p)));
    lines.extend(compat.delta_p_percentiles.iter().map(|p| format!("{} Δp: {:>6.3}%", rank(p), 100.0 * p.value)));
    lines.push(format!("RMS Δp    : {}", percent(compat.rms_delta_p)));
    lines.push(format!("Same top p: {}", percent(compat.same_top)));
    lines.push(String::new());
    lines.join("\n")
}

fn percent(v: PlusMinus) -> String {
    format!("{:>6.3} ± {:>5.3} %", 100.0 * v.value, 100.0 * v.error)
}

/// The seven columns in which that tool names a percentile.
fn rank(percentile: &Percentile) -> String {
    match percentile.percent {
        p if p >= 100.0 => "Maximum".into(),
        p if p <= 0.0 => "Minimum".into(),
        p if (p - 50.0).abs() < 1e-9 => "Median ".into(),
        p => format!("{p:>4.1}%  "),
    }
}
