//! Runs many seeds of the simulation: `cargo run --release -p call-core --example simulate -- --seeds 20000`.

#[path = "../tests/simulation/agents.rs"]
mod agents;
#[path = "../tests/simulation/callbacks.rs"]
mod callbacks;
#[path = "../tests/simulation/calls.rs"]
mod calls;
#[path = "../tests/simulation/door.rs"]
mod door;
#[path = "../tests/simulation/draw.rs"]
mod draw;
#[path = "../tests/simulation/functions.rs"]
mod functions;
#[path = "../tests/simulation/laws.rs"]
mod laws;
#[path = "../tests/simulation/memory.rs"]
mod memory;
#[path = "../tests/simulation/names.rs"]
mod names;
#[path = "../tests/simulation/parties.rs"]
mod parties;
#[path = "../tests/simulation/people.rs"]
mod people;
#[path = "../tests/simulation/rank.rs"]
mod rank;
#[path = "../tests/simulation/record.rs"]
mod record;
#[path = "../tests/simulation/run.rs"]
mod run;
#[path = "../tests/simulation/shrink.rs"]
mod shrink;
#[path = "../tests/simulation/supervise.rs"]
mod supervise;
#[path = "../tests/simulation/tell.rs"]
mod tell;
#[path = "../tests/simulation/watch.rs"]
mod watch;
#[path = "../tests/simulation/whisper.rs"]
mod whisper;
#[path = "../tests/simulation/wires.rs"]
mod wires;
#[path = "../tests/simulation/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;

/// Violations that are printed in full.
const SHOWN: usize = 3;

/// What was asked for on the command line.
struct Wish {
    first: u64,
    seeds: u64,
    json: bool,
    replay: bool,
    /// Stop at the first violation, and tell it in one line.
    first_only: bool,
}

#[expect(clippy::disallowed_types, reason = "only the speed of the simulation is measured, nothing in it")]
fn main() -> ExitCode {
    let wish = match read_arguments(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(fault) => {
            eprintln!("{fault}\nusage: simulate [--seeds N] [--seed FIRST] [--json] [--replay] [--first]");
            return ExitCode::from(2);
        }
    };
    // A violation is told once, by its story; the panic's own message would only repeat it.
    std::panic::set_hook(Box::new(|_| {}));
    let started = std::time::Instant::now();
    let (mut events, mut violations, mut tallies) = (0, Vec::new(), BTreeMap::new());
    for seed in wish.first..wish.first.saturating_add(wish.seeds) {
        let outcome = run::run_seed(seed, !wish.first_only && violations.len() < SHOWN);
        if wish.replay && outcome.violation.is_none() {
            let (first, second) = run::run_and_replay(seed);
            violations.extend((first != second).then(|| format!("seed {seed}: the replay gives other commands")));
        }
        events += outcome.events;
        let stop = wish.first_only && outcome.violation.is_some();
        violations.extend(outcome.violation);
        for (what, count) in outcome.tallies {
            *tallies.entry(what).or_insert(0) += count;
        }
        if stop {
            break;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    report(&wish, events, &violations, seconds);
    if !wish.json {
        for (what, count) in tallies {
            println!("  {what:<28} {count:>12}");
        }
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(wish: &Wish, events: u64, violations: &[String], seconds: f64) {
    for violation in violations.iter().take(SHOWN) {
        eprintln!("{violation}\n");
    }
    for violation in violations.iter().skip(SHOWN) {
        eprintln!("{}", violation.lines().next().unwrap_or_default());
    }
    let (seeds, count) = (wish.seeds, violations.len());
    if wish.json {
        println!("{{\"seeds\":{seeds},\"events\":{events},\"violations\":{count},\"seconds\":{seconds:.3}}}");
        return;
    }
    println!("{:<30} {seeds:>12}  (from {})", "seeds", wish.first);
    println!("{:<30} {events:>12}", "events");
    println!("{:<30} {count:>12}", "violations");
    println!("{:<30} {seconds:>12.3}", "seconds");
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish { first: 0, seeds: 1_000, json: false, replay: false, first_only: false };
    let mut one_seed = false;
    let mut many = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => wish.json = true,
            "--replay" => wish.replay = true,
            "--first" => wish.first_only = true,
            "--seeds" => (wish.seeds, many) = (number(arguments.next())?, true),
            "--seed" => (wish.first, one_seed) = (number(arguments.next())?, true),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    if one_seed && !many {
        wish.seeds = 1;
    }
    Ok(wish)
}

fn number(text: Option<String>) -> Result<u64, String> {
    let text = text.ok_or("a number is missing")?;
    text.parse().map_err(|_| format!("{text} is not a number"))
}
