//! Runs seeds one after the other and tells what a failing one looked like, made short.

use crate::record::{Record, played};
use crate::shrink::{shrink, words};
use crate::tell::tell;
use crate::world::World;
use call_core::Command;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What one seed came to.
pub(crate) struct Outcome {
    /// Inputs handled.
    pub(crate) events: u64,
    /// How often what happened.
    pub(crate) tallies: BTreeMap<&'static str, u64>,
    /// What was violated, with the seed and a short run that violates it.
    pub(crate) violation: Option<String>,
}

/// Runs one seed to its end. A panic of the core is a violation like any other; it is shown as a short run, if that is wanted.
pub(crate) fn run_seed(seed: u64, short: bool) -> Outcome {
    let mut world = World::new(seed);
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = result.err().map(|panic| words(&*panic));
    let violation = violation.map(|words| if short { told(seed, &words) } else { format!("seed {seed}, at {} ms: {words}", world.now) });
    Outcome { events: world.inputs, tallies: world.tallies().clone(), violation }
}

/// The seed again, kept, made short and told.
fn told(seed: u64, violation: &str) -> String {
    let mut world = World::new(seed);
    world.keep_record();
    let _ = catch_unwind(AssertUnwindSafe(|| world.run()));
    let record = world.record.take().unwrap_or_else(|| Record::new(call_core::plan::Plan::default()));
    let (at, steps) = (world.now, record.steps.len());
    let head = format!("seed {seed}, at {at} ms: {violation}");
    match shrink(record.clone(), violation) {
        None => format!("{head}\nnot seen again when fed to a fresh core; the last steps:\n{}", tell(&record)),
        Some(short) => {
            let (steps_left, last) = (short.record.steps.len(), &short.violation);
            format!("{head}\n{steps} steps, shrunk to {steps_left}, after which\n  {last}\n{}", tell(&short.record))
        }
    }
}

/// Runs one seed, writes its journal as text and plays that back; returns the commands of both.
pub(crate) fn run_and_replay(seed: u64) -> (Vec<Command>, Vec<Command>) {
    let mut world = World::new(seed);
    world.keep_record();
    world.run();
    let record = world.record.take().expect("it was kept");
    let replayed = played(&record.journal());
    (record.commands, replayed)
}
