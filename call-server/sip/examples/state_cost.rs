//! What a call costs in memory while it rings and while it lasts: `cargo run --release -p sip-core --example state_cost`, with `--json`
//! for a line that a program can read.
//!
//! Counted are all bytes that the endpoint holds for an INVITE as a trunk sends it (1.4 kB), its packets included: "pending" with 100 and
//! 180 sent, "established" one minute after the ACK, when only the dialog is left.

#[path = "support/invite.rs"]
mod invite;

use allocation_counter::measure;
use sip_core::{Endpoint, Event, Limits, Seed};
use std::net::SocketAddr;

const CALLS: u64 = 1_000;
const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

fn main() {
    let far: SocketAddr = ([192, 0, 2, 1], 5060).into();
    let mut endpoint = Endpoint::new(([192, 0, 2, 9], 5060).into(), Limits::default(), Seed([1, 2]));
    let mut calls = Vec::with_capacity(CALLS as usize);
    let pending = measure(|| {
        for number in 0..CALLS {
            // A copy of its own, as the socket's owner makes one.
            endpoint.receive(0, far, invite::text(&number.to_string()).as_slice().to_vec().into());
            while let Some(event) = endpoint.poll_event() {
                if let Event::Offered { call, .. } = event {
                    endpoint.ring(0, call);
                    calls.push(call);
                }
            }
            while endpoint.poll_transmit().is_some() {}
        }
    });
    let answered = measure(|| {
        for (number, call) in (0..CALLS).zip(&calls) {
            endpoint.answer(0, *call, ANSWER);
            let (_, ok) = endpoint.poll_transmit().expect("a 200");
            endpoint.receive(0, far, invite::ack(&number.to_string(), &ok).into());
            while endpoint.poll_event().is_some() {}
        }
        while let Some(next) = endpoint.next_deadline().filter(|next| *next <= 60_000) {
            endpoint.handle_timeout(next);
            while endpoint.poll_transmit().is_some() {}
        }
    });
    assert_eq!(endpoint.sizes().calls as u64, CALLS, "all calls stand");
    let per_call = |bytes: i64| bytes.max(0) as u64 / CALLS;
    let (pending, established) = (per_call(pending.bytes_current), per_call(pending.bytes_current + answered.bytes_current));
    if std::env::args().any(|argument| argument == "--json") {
        println!("{{\"bytes_per_pending_call\":{pending},\"bytes_per_call\":{established}}}");
    } else {
        println!("pending: {pending} bytes, established: {established} bytes");
    }
}
