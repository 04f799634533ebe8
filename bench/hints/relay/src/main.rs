// SPDX-License-Identifier: MIT
//! What NeMo-Relay's learner costs: each run of a JSON Lines file as its latency learner takes it in memory (load, add,
//! build, store, default hints), and a look-up. Prints JSON.
//! Usage: relay_bench RUNS PAST TIMED
use nemo_relay_adaptive::learner::latency::compute_default_hints;
use nemo_relay_adaptive::trie::accumulator::AccumulatorState;
use nemo_relay_adaptive::trie::builder::{PredictionTrieBuilder, SensitivityConfig};
use nemo_relay_adaptive::trie::data_models::PredictionTrieNode;
use nemo_relay_adaptive::trie::lookup::PredictionTrieLookup;
use nemo_relay_adaptive::trie::serialization::TrieEnvelope;
use nemo_relay_adaptive::types::records::RunRecord;
use std::time::Instant;

fn learn(state: &mut AccumulatorState, run: &RunRecord) -> PredictionTrieNode {
    let mut builder = PredictionTrieBuilder::with_accumulators(state.clone(), Some(SensitivityConfig::default()));
    builder.add_run(run);
    let trie = builder.build();
    *state = builder.accumulators().clone();
    let envelope = TrieEnvelope::new(trie.clone(), "agent");
    std::hint::black_box((&envelope, compute_default_hints(&trie, 5)));
    trie
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&arguments[1]).expect("runs");
    let runs: Vec<RunRecord> = text.lines().map(|line| serde_json::from_str(line).expect("a run")).collect();
    let past: usize = arguments[2].parse().expect("PAST");
    let timed: usize = arguments[3].parse().expect("TIMED");
    let mut state = AccumulatorState::default();
    let mut trie = PredictionTrieNode::new("root");
    // What is past need not be built every time to be the same.
    let mut builder = PredictionTrieBuilder::new(Some(SensitivityConfig::default()));
    for run in &runs[..past] {
        builder.add_run(run);
    }
    if past > 0 {
        state = builder.accumulators().clone();
    }
    let mut costs = Vec::new();
    for run in &runs[past..past + timed] {
        let from = Instant::now();
        trie = learn(&mut state, run);
        costs.push(from.elapsed().as_nanos() as f64);
    }
    let path = vec![runs[0].calls[0].name.clone()];
    let lookup = PredictionTrieLookup::new(&trie);
    const LOOKUPS: u32 = 200_000;
    let mut rounds = Vec::new();
    for _ in 0..9 {
        let from = Instant::now();
        for i in 0..LOOKUPS {
            std::hint::black_box(lookup.find(std::hint::black_box(&path), 1 + i % 3));
        }
        rounds.push(from.elapsed().as_nanos() as f64 / LOOKUPS as f64);
    }
    println!("{{\"learn_ns\":{:.0},\"lookup_ns\":{:.1}}}", median(costs), median(rounds));
}
