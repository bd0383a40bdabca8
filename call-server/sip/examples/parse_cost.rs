//! What it costs to read an INVITE as a trunk sends it: `cargo run --release -p sip-core --example parse_cost`, with `--json` for a line
//! that a program can read.
//!
//! "Routing" reads the start line, the top Via, From, To, Call-ID and CSeq on borrowed bytes; "keep" is what a call then costs in full.

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sip_core::message::{Outline, parse};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Short runs and many: the best one is likely to be undisturbed on a busy machine.
const ROUNDS: u32 = 500;
const RUNS: u32 = 600;

/// An INVITE of 1.4 kB after what carriers send: two proxies, asserted identity, a full session description.
fn invite() -> Vec<u8> {
    let description = "v=0\r\no=carrier 2890844526 2890844527 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n\
        m=audio 49170 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n\
        a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n";
    let header = format!(
        "INVITE sip:+8651212345@hotline.example.net:5060;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-524287-1---a1b2c3d4e5f60718;rport\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;received=192.0.2.2;branch=z9hG4bK7f3a9c51d2e84b60\r\n\
         Record-Route: <sip:192.0.2.1:5060;lr;ftag=9fxced76sl>\r\nRecord-Route: <sip:192.0.2.2:5060;lr>\r\nMax-Forwards: 68\r\n\
         From: \"Zhang San\" <sip:+8613912345678@carrier.example.net;user=phone>;tag=9fxced76sl\r\n\
         To: <sip:+8651212345@hotline.example.net;user=phone>\r\nCall-ID: 3848276298220188511@atlanta.carrier.example.net\r\n\
         CSeq: 314159 INVITE\r\nContact: <sip:+8613912345678@192.0.2.20:5060;transport=udp>\r\n\
         P-Asserted-Identity: \"Zhang San\" <sip:+8613912345678@carrier.example.net>\r\nPrivacy: none\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\nSupported: 100rel, timer, replaces\r\n\
         Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nUser-Agent: Carrier-SBC/7.4.1\r\n\
         Diversion: <sip:+8651212300@carrier.example.net>;reason=unconditional\r\nP-Charging-Vector: icid-value=1f3a9c51d2e84b607;orig-ioi=carrier.example\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n",
        description.len()
    );
    (header + description).into_bytes()
}

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
    let packet = Bytes::from(invite());
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
