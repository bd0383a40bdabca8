//! Runs seeds one after the other and tells what a failing one looked like.

use crate::world::{Journal, World};
use call_core::{Command, Core};
use shared::model::InteractionId;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What one seed came to.
pub(crate) struct Outcome {
    /// Inputs handled.
    pub(crate) events: u64,
    /// How often what happened.
    pub(crate) tallies: BTreeMap<&'static str, u64>,
    /// What was violated, with the seed, the simulated time and the last inputs.
    pub(crate) violation: Option<String>,
}

/// Runs one seed to its end. A panic of the core is a violation like any other.
pub(crate) fn run_seed(seed: u64) -> Outcome {
    let mut world = World::new(seed);
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = result.err().map(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        format!("seed {seed}: {}\n{}", text.unwrap_or("a panic"), world.story())
    });
    Outcome { events: world.inputs, tallies: world.tallies().clone(), violation }
}

/// Runs one seed, then feeds the same inputs to a fresh core; returns the commands of both.
pub(crate) fn run_and_replay(seed: u64) -> (Vec<Command>, Vec<Command>) {
    let mut world = World::new(seed);
    let mut core = Core::new(world.plan(), InteractionId(1));
    world.journal = Some(Journal::default());
    world.run();
    let journal = world.journal.take().unwrap_or_default();
    let mut replayed = Vec::new();
    for (now, input) in journal.inputs {
        core.handle(now, input);
        replayed.extend(std::iter::from_fn(|| core.poll()));
    }
    (journal.commands, replayed)
}
