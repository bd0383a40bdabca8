//! What it costs to read an INVITE as a trunk sends it: `cargo run --release -p sip-core --example parse_cost`, with `--json` for a line
//! that a program can read, with `--profile` read a thousand times and nothing else, for `valgrind --tool=callgrind`.
//!
//! "Routing" reads the start line, the top Via, From, To, Call-ID and CSeq on borrowed bytes; "keep" is what a call then costs in full.

#[path = "support/invite.rs"]
mod invite;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sip_core::message::{Outline, parse};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Short runs and many: the best one is likely to be undisturbed on a busy machine.
const ROUNDS: u32 = 500;
const RUNS: u32 = 600;

/// Cost of one call of `work`: the best of the runs in ns, and its allocations.
fn cost(mut work: impl FnMut()) -> (u128, AllocationInfo) {
    work();
    let allocations = measure(&mut work);
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let started = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        best = best.min(started.elapsed());
    }
    (best.as_nanos() / u128::from(ROUNDS), allocations)
}

fn route(packet: &[u8]) {
    let outline = Outline::read(black_box(packet)).expect("the example is sound");
    black_box((
        outline.start_line(),
        outline.via().branch(),
        outline.from().tag(),
        outline.to().uri.user,
        outline.call_id(),
        outline.cseq(),
    ));
}

fn main() {
    let packet = Bytes::from(invite::text(""));
    if std::env::args().any(|argument| argument == "--profile") {
        return (0..1_000).for_each(|_| route(&packet));
    }
    // A shared packet: promoting it once is its receiver's cost, not the parser's.
    let shared = packet.clone();
    let (route_ns, route_memory) = cost(|| route(&packet));
    let (keep_ns, keep_memory) = cost(|| drop(black_box(parse(black_box(shared.clone())).expect("the example is sound"))));
    if std::env::args().any(|argument| argument == "--json") {
        println!("{{\"parse_ns\":{route_ns},\"parse_allocations\":{}}}", route_memory.count_total);
    } else {
        println!("INVITE of {} bytes", packet.len());
        println!("routing: {route_ns} ns, {} allocations", route_memory.count_total);
        println!("keep:    {keep_ns} ns, {} allocations of {} bytes", keep_memory.count_total, keep_memory.bytes_total);
    }
}
