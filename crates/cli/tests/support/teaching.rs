//! A server with the embedded teacher behind it, which lists its most probable tokens as vLLM, SGLang and llama-server do.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use hydrometer_models::{
    AskedServer, Block, Checkpoint, Decoder, EngineOptions, Model, Precision, Scores, Sequence, Served,
};
use serde_json::{Value, json};

/// The model behind the server.
pub struct Teaching {
    decoder: Decoder,
    /// Most tokens that it lists.
    most: usize,
    /// Rows of prompts that were computed.
    rows: Mutex<HashMap<Vec<u32>, Vec<Vec<f64>>>>,
}

impl Teaching {
    pub fn new(most: usize) -> Teaching {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
        let options = EngineOptions { precision: Precision::Auto };
        let decoder = Decoder::open(&Checkpoint::open(file).unwrap(), &options).unwrap();
        Teaching { decoder, most, rows: Mutex::default() }
    }

    /// What a server of any of the three kinds answers.
    pub fn serve(&self, asked: &AskedServer) -> Served {
        match asked.path.as_str() {
            "/v1/chat/completions" => Served::chat("embedded", "yes", "stop"),
            "/tokenize" => {
                let text = asked.body["content"].as_str().or(asked.body["prompt"].as_str()).unwrap();
                Served::json(200, &json!({"tokens": self.decoder.tokens().unwrap().encode(text).unwrap()}))
            }
            "/v1/completions" => self.vllm(&asked.body),
            "/generate" => self.sglang(&asked.body),
            "/completion" => self.llama_server(&asked.body),
            _ => Served::json(404, &json!({"error": {"message": "not here"}})),
        }
    }

    fn vllm(&self, body: &Value) -> Served {
        let (tokens, count) = (ids(&body["prompt"]), body["prompt_logprobs"].as_u64().unwrap() as usize);
        if count > self.most {
            let message =
                format!("Requested prompt logprobs of {count}, which is greater than max allowed: {}", self.most);
            return Served::json(400, &json!({"error": {"message": message, "type": "BadRequestError", "code": 400}}));
        }
        let rows = self.rows(&tokens);
        let mut prompt = vec![Value::Null];
        for (row, own) in rows.iter().zip(&tokens[1..]) {
            let mut listed = serde_json::Map::new();
            let all = top(row, row.len());
            for (rank, (id, logprob)) in
                all.into_iter().enumerate().filter(|(rank, (id, _))| *rank < count || id == own)
            {
                listed.insert(id.to_string(), json!({"logprob": logprob, "rank": rank + 1, "decoded_token": "x"}));
            }
            prompt.push(listed.into());
        }
        let usage = json!({"prompt_tokens": tokens.len(), "completion_tokens": 1});
        Served::json(
            200,
            &json!({"model": "embedded", "choices": [{"text": "x", "prompt_logprobs": prompt}], "usage": usage}),
        )
    }

    fn sglang(&self, body: &Value) -> Served {
        let tokens = ids(&body["input_ids"]);
        let (start, count) =
            (body["logprob_start_len"].as_u64().unwrap() as usize, body["top_logprobs_num"].as_u64().unwrap());
        let rows = self.rows(&tokens);
        let own = |at: usize| json!([rows[at - 1][tokens[at] as usize], tokens[at], null]);
        let listed = |at: usize| {
            let list = top(&rows[at - 1], (count as usize).min(self.most));
            Value::from(list.into_iter().map(|(id, logprob)| json!([logprob, id, null])).collect::<Vec<_>>())
        };
        let behind = start + 1..tokens.len();
        let owns = [json!([null, tokens[start], null])].into_iter().chain(behind.clone().map(own)).collect::<Vec<_>>();
        let lists = [Value::Null].into_iter().chain(behind.map(listed)).collect::<Vec<_>>();
        let meta = json!({
            "input_token_logprobs": owns, "input_top_logprobs": lists, "prompt_tokens": tokens.len(), "completion_tokens": 1,
        });
        Served::json(200, &json!({"text": "x", "meta_info": meta}))
    }

    fn llama_server(&self, body: &Value) -> Served {
        let (tokens, count) = (ids(&body["prompt"]), body["n_probs"].as_u64().unwrap() as usize);
        let rows = self.rows(&tokens);
        let list = top(rows.last().unwrap(), count.min(self.most));
        let probs: Vec<Value> =
            list.iter().map(|(id, logprob)| json!({"id": id, "token": "x", "prob": logprob.exp()})).collect();
        let mut token = probs[0].clone();
        token["top_probs"] = probs.into();
        let answer =
            json!({"completion_probabilities": [token], "tokens_evaluated": tokens.len(), "tokens_predicted": 1});
        Served::json(200, &answer)
    }

    /// ln p behind every token of a prompt.
    fn rows(&self, tokens: &[u32]) -> Vec<Vec<f64>> {
        if let Some(rows) = self.rows.lock().unwrap().get(tokens) {
            return rows.clone();
        }
        let vocab = self.decoder.identity().logit_width() as usize;
        let block =
            Block { sequences: vec![Sequence { tokens: tokens.to_vec(), rows: (0..tokens.len() as u32).collect() }] };
        let mut logits = vec![0f32; tokens.len() * vocab];
        self.decoder.score(&block).unwrap().read(0..tokens.len(), &mut logits).unwrap();
        let rows: Vec<Vec<f64>> = logits.chunks(vocab).map(log_softmax).collect();
        self.rows.lock().unwrap().insert(tokens.to_vec(), rows.clone());
        rows
    }
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn log_softmax(row: &[f32]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&z| f64::from(z - largest).exp()).sum();
    row.iter().map(|&z| f64::from(z - largest) - sum.ln()).collect()
}

/// The most probable tokens, ties by rising id.
fn top(row: &[f64], count: usize) -> Vec<(u32, f64)> {
    let mut all: Vec<(u32, f64)> = (0..).zip(row.iter().copied()).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(count);
    all
}
