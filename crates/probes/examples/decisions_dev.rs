//! tmp
use std::io::BufRead;
fn main() {
    let folds: Vec<u64> = std::env::args().nth(1).unwrap().chars().map(|c| c as u64 - 48).collect();
    let show = std::env::args().nth(2).is_some();
    use std::collections::BTreeMap;
    let mut conf: BTreeMap<(String,String,String), usize> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let v: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if !folds.contains(&v["fold"].as_u64().unwrap()) { continue }
        let s = |k: &str| v[k].as_str().unwrap().to_owned();
        let d = hydrometer_probes::decision::decide(&s("prompt"), &s("text"));
        let name = d.map_or_else(|e| format!("{e:?}"), |d| d.name().to_owned());
        let model = if s("model").contains("guard") {"guard"} else {"instruct"};
        let class = match name.as_str() { "refuse" => "2", "partly" => "3", _ => "1" };
        if show && !s("label").starts_with(class) { println!("== {model} {} {} {} -> {name}\nP: {}\nA: {}", s("id"), s("label"), v["unsafe"], s("prompt"), s("text")); }
        *conf.entry((model.to_owned(), s("label"), name)).or_default() += 1;
    }
    for model in ["guard","instruct"] {
        let (mut ok, mut bin, mut n) = (0,0,0);
        for ((m,l,d),c) in &conf { if m==model { 
            let class = match d.as_str() { "refuse" => "2", "partly" => "3", _ => "1" };
            n+=c; if l.starts_with(class) {ok+=c} if l.starts_with('1') == (class=="1") {bin+=c} 
            eprintln!("{m} {l} {d} {c}"); } }
        eprintln!("{model}: three {:.3} two {:.3} of {n}", ok as f64/n as f64, bin as f64/n as f64);
    }
}
