//! Random days full of hold, consultation, hand-over, three-way talks and dialled calls. What is checked is what everybody hears, as
//! media is told it: nobody is left in silence, nobody talks twice, and the books count the time that was really spent together.

mod ears;
mod house;

use house::House;
use std::collections::BTreeMap;

/// Days in the ordinary test run.
const SEEDS: u64 = 600;

/// What must have happened in them often enough to have been tried.
const MUST_HAPPEN: [&str; 12] = [
    "held",
    "retrieved",
    "aside began",
    "aside failed",
    "party joined",
    "party left",
    "handed over",
    "sent to a queue",
    "dialled",
    "reached",
    "agent gone in a call",
    "desk taken over",
];

#[test]
fn nobody_is_left_in_silence_and_nobody_talks_twice() {
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut house = House::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| house.run()));
        if let Err(panic) = result {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            panic!("seed {seed}: {}\nthe last inputs:\n{}", text.unwrap_or("a panic"), house.story());
        }
        for (what, count) in house.tallies() {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    for what in MUST_HAPPEN {
        assert!(seen.get(what).is_some_and(|count| *count >= 50), "the days are too quiet to prove anything: {what}: {seen:?}");
    }
}
