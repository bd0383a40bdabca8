//! A thousand random days in the hotline. Each seed is its own world; a failure prints how to see it again.

mod agents;
mod calls;
mod rank;
mod run;
mod watch;
mod world;

use std::collections::BTreeMap;

/// Seeds in the ordinary test run.
const SEEDS: u64 = 1_000;

/// What must have happened in them often enough to have been tried.
const MUST_HAPPEN: [&str; 29] = [
    "caller_hung_up",
    "agent_hung_up",
    "agent_lost",
    "abandoned",
    "cancelled_before_answer",
    "unknown_number",
    "no_resources",
    "media_failed",
    "signalling_timeout",
    "queue_timeout",
    "probe_done",
    "blocked",
    "queue_full",
    "nobody_signed_in",
    "all_not_ready",
    "overflow: full",
    "overflow: timeout",
    "overflow: nobody signed in",
    "overflow: all not ready",
    "wrap-up extended",
    "server_stopping",
    "offer rejected",
    "offer not answered",
    "offer ended by the caller",
    "offer withdrawn",
    "offer answered elsewhere",
    "one more desk rings",
    "session superseded",
    "signed out as lost",
];

#[test]
fn no_invariant_is_violated_in_a_thousand_random_days() {
    let (mut events, mut seen) = (0, BTreeMap::new());
    for seed in 0..SEEDS {
        let outcome = run::run_seed(seed);
        if let Some(violation) = outcome.violation {
            panic!("{violation}");
        }
        events += outcome.events;
        for (what, count) in outcome.tallies {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    assert!(events > SEEDS * 100, "too few inputs: {events}");
    for what in MUST_HAPPEN {
        assert!(seen.get(what).is_some_and(|count: &u64| *count >= 50), "the worlds are too quiet to prove anything: {what}: {seen:?}");
    }
}

#[test]
fn the_same_inputs_give_the_same_commands() {
    for seed in 0..20 {
        let (first, second) = run::run_and_replay(seed);
        assert!(first.len() > 50, "seed {seed} is too quiet");
        assert_eq!(first, second, "seed {seed}");
    }
}
