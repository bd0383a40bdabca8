//! Thousands of random days in the hotline. Each seed is its own world; a failure prints a short run that shows it.

mod agents;
mod callbacks;
mod calls;
mod door;
mod draw;
mod functions;
mod laws;
mod memory;
mod names;
mod parties;
mod people;
mod rank;
mod record;
mod run;
mod shrink;
mod supervise;
mod tell;
mod watch;
mod whisper;
mod wires;
mod world;

use run::Outcome;
use std::collections::BTreeMap;

/// Seeds in the ordinary test run.
const SEEDS: u64 = 1_600;
/// Inputs that they must come to at least.
const FEWEST_EVENTS: u64 = 1_000_000;

/// What must have happened in them often enough to have been tried.
const MUST_HAPPEN: [&str; 75] = [
    "a citizen is held",
    "a citizen is retrieved",
    "whispered",
    "a colleague is asked",
    "somebody is consulted",
    "somebody is invited",
    "a blind transfer begins",
    "somebody is called in vain",
    "somebody joined a talk",
    "somebody left a talk",
    "somebody is muted",
    "sent on to a queue",
    "a consultation is completed",
    "handed over to a colleague",
    "goes on without an agent",
    "party_hung_up",
    "a supervisor listens",
    "a supervisor whispers",
    "a supervisor barges in",
    "a call is taken over",
    "released",
    "a state is forced",
    "a waiting call is moved",
    "a waiting call is picked up",
    "a callback was promised",
    "a citizen is called back",
    "a callback was reached",
    "a callback was missed",
    "a callback was no longer needed",
    "an agent dials",
    "caller_hung_up",
    "agent_hung_up",
    "agent_lost",
    "abandoned",
    "cancelled_before_answer",
    "unknown_number",
    "no_resources",
    "channel_limit",
    "too_many_calls",
    "closed",
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
    "overflow: closed",
    "overflow: key",
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
    "turned away with a text",
    "a text was played",
    "foretold",
    "accepted by itself",
    "a key was pressed while waiting",
    "last agent: hit",
    "last agent: declined",
    "last agent: hold over",
    "last agent: other",
    "began anew from the journal",
    "the server crashed",
];

#[test]
fn no_invariant_is_violated_in_a_million_random_events() {
    // A violation is told once, by its story; what the panics of the shorter runs say would bury it.
    std::panic::set_hook(Box::new(|_| {}));
    let halves = std::thread::scope(|scope| {
        let run =
            |first: u64| scope.spawn(move || (first..SEEDS).step_by(2).map(|seed| run::run_seed(seed, true)).collect::<Vec<Outcome>>());
        [run(0), run(1)].map(|half| half.join().expect("violations are caught"))
    });
    let _ = std::panic::take_hook();
    let (mut events, mut seen) = (0, BTreeMap::new());
    for outcome in halves.into_iter().flatten() {
        if let Some(violation) = outcome.violation {
            panic!("{violation}");
        }
        events += outcome.events;
        for (what, count) in outcome.tallies {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    assert!(events >= FEWEST_EVENTS, "too few inputs: {events}");
    for what in MUST_HAPPEN {
        assert!(seen.get(what).is_some_and(|count: &u64| *count >= 40), "the worlds are too quiet to prove anything: {what}: {seen:?}");
    }
}

#[test]
fn a_journal_written_as_text_replays_to_the_same_commands() {
    for seed in 0..40 {
        let (first, second) = run::run_and_replay(seed);
        assert!(first.len() > 50, "seed {seed} is too quiet");
        assert!(first == second, "seed {seed}: the replay gives other commands");
    }
}
