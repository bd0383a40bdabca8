//! Thousands of random stories between two endpoints: each call reaches one end that both sides agree on, and nothing is left.

mod world;

use std::thread;

/// Stories in each run of the tests; the example `simulate` tells more.
const STORIES: u64 = 20_000;
const THREADS: u64 = 2;

#[test]
fn every_story_has_one_agreed_end_and_leaves_nothing() {
    let share =
        |part: u64| move || (0..STORIES).filter(|seed| seed % THREADS == part).map(|seed| (seed, world::run(seed, false))).collect();
    let parts: Vec<thread::JoinHandle<Vec<_>>> = (0..THREADS).map(|part| thread::spawn(share(part))).collect();
    let (mut failed, mut confirmed, mut answered, mut refused, mut transfers) = (Vec::new(), 0, 0, 0, 0);
    for (seed, told) in parts.into_iter().flat_map(|part| part.join().expect("no story panics")) {
        match told {
            Ok(story) => {
                confirmed += story.confirmed;
                answered += story.answered_offers;
                refused += story.refused_offers;
                transfers += story.transfers;
            }
            Err(broken) => failed.push((seed, broken)),
        }
    }
    failed.sort();
    assert!(failed.is_empty(), "{} stories broke a law, such as {:#?}", failed.len(), &failed[..failed.len().min(10)]);
    // A simulation in which nothing happens proves nothing.
    assert!(confirmed > STORIES && answered > STORIES / 2 && refused > STORIES / 100 && transfers > STORIES / 100);
}

#[test]
fn a_story_is_the_same_each_time_it_is_told() {
    assert_eq!(world::run(7, false), world::run(7, false));
}
