//! Tells more stories than the tests do: `cargo run -p sip-core --example simulate -- --seeds 100000 --json`, or one in detail:
//! `-- --trace SEED`. Ends with status 1 if a law was broken.

#[path = "../tests/simulation/link.rs"]
mod link;
#[path = "../tests/simulation/people.rs"]
mod people;
#[path = "../tests/simulation/world.rs"]
mod world;

use std::process::ExitCode;
use std::time::Instant;
use world::Story;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number_after = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = number_after("--trace") {
        println!("{:?}", world::run(seed, true));
        return ExitCode::SUCCESS;
    }
    let seeds = number_after("--seeds").unwrap_or(100_000);
    let started = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, |count| u64::try_from(count.get()).unwrap_or(1));
    let parts: Vec<_> = (0..workers).map(|part| std::thread::spawn(move || tell(part, workers, seeds))).collect();
    let parts: Vec<_> = parts.into_iter().filter_map(|part| part.join().ok()).collect();
    let all = parts.iter().fold(Story::default(), |all, part| all.and(part.0));
    let mut broken: Vec<&(u64, String)> = parts.iter().flat_map(|part| &part.1).collect();
    broken.sort();
    let seconds = started.elapsed().as_secs_f64();
    if arguments.iter().any(|argument| argument == "--json") {
        let failed = broken.len();
        let Story { calls, packets, .. } = all;
        println!("{{\"seeds\":{seeds},\"calls\":{calls},\"packets\":{packets},\"failed\":{failed},\"seconds\":{seconds:.1}}}");
    } else {
        println!("{seeds} stories, {} broke a law, {seconds:.1} s: {all:?}", broken.len());
    }
    for (seed, law) in broken.iter().take(20) {
        eprintln!("seed {seed}: {law}");
    }
    if broken.is_empty() && parts.len() as u64 == workers { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What happened, and the seeds that broke a law.
fn tell(part: u64, workers: u64, seeds: u64) -> (Story, Vec<(u64, String)>) {
    let mut told = (Story::default(), Vec::new());
    for seed in (part..seeds).step_by(usize::try_from(workers).unwrap_or(1)) {
        match world::run(seed, false) {
            Ok(story) => told.0 = told.0.and(story),
            Err(law) => told.1.push((seed, law)),
        }
    }
    told
}
