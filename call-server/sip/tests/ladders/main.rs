//! The call flows of RFC 3665 and the races of RFC 5407 between two endpoints of ours: each test is a section, its ladder is what is sent.

mod rfc3665;
mod rfc5407;

use bytes::Bytes;
use sip_core::{CallKey, Ending, Endpoint, Event, Farewell, Invitation, Limits, Renegotiation, Seed, SessionEvent, Settings, Sizes};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Alice calls, Bob is called.
pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;

const GOODBYE: Farewell = Farewell { status: 486, reason: None };

/// A description of a side's, told apart by its version.
pub(crate) fn description(side: usize, version: u32) -> String {
    let host = side + 1;
    format!(
        "v=0\r\no=- {host} {version} IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// Two endpoints, a clock, and a link that does what the test says.
pub(crate) struct Pair {
    pub(crate) ends: [Endpoint; 2],
    pub(crate) now: u64,
    wire: VecDeque<(usize, Bytes)>,
    held: Vec<(usize, Bytes)>,
    holding: Option<&'static str>,
    ladder: Vec<String>,
    pub(crate) events: [Vec<Event>; 2],
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, if side == ALICE { 1 } else { 2 }], 5060))
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Settings { renegotiation: Renegotiation::Ask, transfers: true, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let end = |side| Endpoint::with_settings(address(side), Limits::default(), settings, Seed([side as u64, 9]));
        Self {
            ends: [end(ALICE), end(BOB)],
            now: 1_000,
            wire: VecDeque::new(),
            held: Vec::new(),
            holding: None,
            ladder: Vec::new(),
            events: [Vec::new(), Vec::new()],
        }
    }

    /// Alice's INVITE is on its way.
    pub(crate) fn invite(&mut self, offer: Option<String>) -> CallKey {
        let invitation = Invitation {
            to: format!("sip:bob@{}", address(BOB)),
            from: format!("<sip:alice@{}>", address(ALICE)),
            target: address(BOB),
            fields: Vec::new(),
            description: offer,
        };
        self.ends[ALICE].call(self.now, invitation).expect("room for a call")
    }

    /// Alice's INVITE has reached Bob; gives both sides' names of the call.
    pub(crate) fn offered(&mut self) -> (CallKey, CallKey) {
        let alice = self.invite(Some(description(ALICE, 1)));
        self.flow();
        let bob = self.events[BOB].iter().find_map(|event| match event {
            Event::Offered { call, .. } => Some(*call),
            Event::Confirmed { .. } | Event::Ended { .. } | Event::Session { .. } | Event::Asked { .. } | Event::Responded { .. } => None,
        });
        (alice, bob.expect("Bob is called"))
    }

    /// Both are in the call; the ladder so far is forgotten.
    pub(crate) fn talking(&mut self) -> (CallKey, CallKey) {
        let (alice, bob) = self.offered();
        self.ends[BOB].answer(self.now, bob, &description(BOB, 1));
        self.flow();
        self.ladder.clear();
        self.events = [Vec::new(), Vec::new()];
        (alice, bob)
    }

    /// From now on packets whose line in the ladder is this wait, until [`Pair::release`].
    pub(crate) fn hold(&mut self, line: &'static str) {
        self.holding = Some(line);
    }

    /// What waited arrives now, and everything that follows from it.
    pub(crate) fn release(&mut self) {
        self.holding = None;
        self.wire.extend(self.held.drain(..));
        self.flow();
    }

    /// What waited is lost.
    pub(crate) fn lose(&mut self) {
        self.holding = None;
        self.held.clear();
    }

    /// Delivers until both are quiet; no time passes.
    pub(crate) fn flow(&mut self) {
        loop {
            (0..2).for_each(|side| self.drain(side));
            let Some((from, packet)) = self.wire.pop_front() else { return };
            self.ends[1 - from].receive(self.now, address(from), packet);
        }
    }

    fn drain(&mut self, side: usize) {
        while let Some((_, packet)) = self.ends[side].poll_transmit() {
            let line = line_of(side, &packet);
            let is_held = self.holding.is_some_and(|wanted| wanted == line);
            self.ladder.push(line);
            if is_held { self.held.push((side, packet)) } else { self.wire.push_back((side, packet)) }
        }
        while let Some(event) = self.ends[side].poll_event() {
            self.events[side].push(event);
        }
    }

    /// Lets time pass, deadline after deadline.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(next) = self.ends.iter().filter_map(Endpoint::next_deadline).min().filter(|next| *next <= end) {
            self.now = next;
            self.ends.iter_mut().for_each(|side| side.handle_timeout(next));
            self.flow();
        }
        self.now = end;
    }

    pub(crate) fn hang_up(&mut self, side: usize, call: CallKey) {
        self.ends[side].hang_up(self.now, call, &GOODBYE);
    }

    /// What was sent since the last look, such as `A INVITE` and `B 180`.
    pub(crate) fn ladder(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ladder)
    }

    /// How the call ended for a side, if it did.
    pub(crate) fn ending(&self, side: usize) -> Option<Ending> {
        self.events[side].iter().find_map(|event| match event {
            Event::Ended { ending, .. } => Some(*ending),
            Event::Offered { .. } | Event::Confirmed { .. } | Event::Session { .. } | Event::Asked { .. } | Event::Responded { .. } => None,
        })
    }

    pub(crate) fn is_confirmed(&self, side: usize) -> bool {
        self.events[side].iter().any(|event| matches!(event, Event::Confirmed { .. }))
    }

    /// Whether a side heard something inside the call that `wanted` accepts.
    pub(crate) fn heard(&self, side: usize, wanted: impl Fn(&SessionEvent) -> bool) -> bool {
        self.events[side].iter().any(|event| matches!(event, Event::Session { event, .. } if wanted(event)))
    }

    /// Both have the ends that are expected, and after all timers nothing is left.
    pub(crate) fn ends_as(mut self, alice: Ending, bob: Ending) {
        assert_eq!((self.ending(ALICE), self.ending(BOB)), (Some(alice), Some(bob)));
        self.pass(400_000);
        assert_eq!(self.ends.each_ref().map(Endpoint::sizes), [Sizes::default(); 2]);
        let ends = |side: usize| self.events[side].iter().filter(|event| matches!(event, Event::Ended { .. })).count();
        assert_eq!((ends(ALICE), ends(BOB)), (1, 1), "each hears of the end once");
    }
}

/// A packet in the ladder: who, and its method or status.
fn line_of(side: usize, packet: &[u8]) -> String {
    let text = String::from_utf8_lossy(packet);
    let mut words = text.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let who = if side == ALICE { 'A' } else { 'B' };
    if first == "SIP/2.0" { format!("{who} {second}") } else { format!("{who} {first}") }
}
