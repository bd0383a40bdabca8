//! Thousands of random stories between endpoints of ours: each call reaches one end that both sides agree on, and nothing is left.

mod link;
mod people;
mod world;

use std::thread;
use world::Story;

/// Stories in each run of the tests.
const STORIES: u64 = 100_000;

#[test]
fn every_story_has_one_agreed_end_and_leaves_nothing() {
    let threads = thread::available_parallelism().map_or(2, |count| count.get() as u64);
    let share = move |part: u64| move || (part..STORIES).step_by(threads as usize).map(|seed| (seed, world::run(seed, false))).collect();
    let parts: Vec<thread::JoinHandle<Vec<_>>> = (0..threads).map(|part| thread::spawn(share(part))).collect();
    let (mut failed, mut all) = (Vec::new(), Story::default());
    for (seed, told) in parts.into_iter().flat_map(|part| part.join().expect("no story panics")) {
        match told {
            Ok(story) => all = all.and(story),
            Err(broken) => failed.push((seed, broken)),
        }
    }
    failed.sort();
    assert!(failed.is_empty(), "{} stories broke a law, such as {:#?}", failed.len(), &failed[..failed.len().min(10)]);
    // A simulation in which nothing happens proves nothing.
    let often = [all.confirmed, all.answered_offers, all.pracks, all.updates, all.cancelled];
    let seldom =
        [all.forks, all.challenged, all.replaced, all.transfers, all.refused_offers, all.changed, all.glares, all.too_short, all.expired];
    assert!(often.iter().all(|count| *count > STORIES / 10) && seldom.iter().all(|count| *count > STORIES / 1_000), "{all:?}");
}

#[test]
fn a_story_is_the_same_each_time_it_is_told() {
    assert_eq!(world::run(7, false), world::run(7, false));
}
