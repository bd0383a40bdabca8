//! Two endpoints, a bad link between them, people who do what comes to their minds, and a virtual clock: one seed, one story.
//!
//! [`run`] tells the first broken law. It reads no clock and no randomness but the seed's, so that a story can be told again.

use sip_core::{
    CallKey, Ending, Endpoint, Event, Farewell, Invitation, Limits, OfferBy, Reliability, Renegotiation, Seed, SessionEvent, Settings,
    Sizes, identity,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A story must be over by then, in ms of its own time.
const END_MS: u64 = 1_500_000;
/// Whoever is still in a call then hangs up.
const LAST_CALL_MS: u64 = 240_000;
/// How long after both ends a message of the call may still be sent: the wait for an ACK, then that for the BYE's answer.
const ECHO_MS: u64 = 75_000;
/// How long after the first end the other one may come, if the link is no worse than [`FAIR_LOSS`].
const APART_MS: u64 = 70_000;
/// Most steps of one story; more is a deadline that never passes.
const MAX_STEPS: u32 = 100_000;
/// Loss in percent up to which that holds.
const FAIR_LOSS: u32 = 10;

/// What one story came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) calls: u64,
    pub(crate) confirmed: u64,
    pub(crate) packets: u64,
    pub(crate) answered_offers: u64,
    pub(crate) refused_offers: u64,
    pub(crate) transfers: u64,
}

#[derive(Debug, Clone)]
enum Action {
    Call,
    Ring(CallKey),
    Progress(CallKey),
    Answer(CallKey),
    HangUp(CallKey),
    Offer(CallKey, OfferBy),
    AcceptOffer(CallKey, String),
    RefuseOffer(CallKey),
    Refer(CallKey),
    AcceptTransfer(CallKey),
    RefuseTransfer(CallKey),
    Report(CallKey, u16),
}

/// One person's view of one call.
#[derive(Debug, Default, Clone)]
struct View {
    number: usize,
    offers: u64,
    last_offer: String,
    ended: Option<(u64, Ending)>,
}

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    asks: bool,
    views: BTreeMap<CallKey, View>,
}

/// Two ends of one call, caller first.
type Ends = (Option<(u64, Ending)>, Option<(u64, Ending)>, bool);

struct World {
    rng: fastrand::Rng,
    now: u64,
    sides: [Side; 2],
    loss: u32,
    duplication: u32,
    jitter: u64,
    wire: BTreeMap<(u64, u64), (usize, bytes::Bytes)>,
    actions: BTreeMap<(u64, u64), (usize, Action)>,
    count: u64,
    /// Caller's side of each call.
    callers: Vec<usize>,
    last_sent: BTreeMap<usize, u64>,
    call_ids: BTreeMap<String, usize>,
    story: Story,
    trace: bool,
}

/// Lives one story; `trace` prints every packet and event.
pub(crate) fn run(seed: u64, trace: bool) -> Result<Story, String> {
    let mut world = World::new(seed, trace);
    let mut steps = 0;
    while let Some(next) = world.next_time() {
        steps += 1;
        if steps > MAX_STEPS {
            return Err(format!("no end of work at {} ms: {:?}", world.now, world.sizes()));
        }
        if next > END_MS {
            return Err(format!("not over at {next} ms: {:?}", world.sizes()));
        }
        world.now = next.max(world.now);
        world.step()?;
    }
    world.verdict()
}

impl World {
    fn new(seed: u64, trace: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let loss = *rng.choice(&[0, 0, 5, 10, 25]).expect("a choice");
        let sides = [side(&mut rng, 1), side(&mut rng, 2)];
        let mut world = Self {
            loss,
            duplication: *rng.choice(&[0, 0, 10, 30]).expect("a choice"),
            jitter: *rng.choice(&[1, 20, 300, 900]).expect("a choice"),
            rng,
            now: 0,
            sides,
            wire: BTreeMap::new(),
            actions: BTreeMap::new(),
            count: 0,
            callers: Vec::new(),
            last_sent: BTreeMap::new(),
            call_ids: BTreeMap::new(),
            story: Story::default(),
            trace,
        };
        for _ in 0..world.rng.u32(1..=2) {
            let (at, side) = (world.rng.u64(0..3_000), world.rng.usize(0..2));
            world.schedule(at, side, Action::Call);
        }
        world
    }

    fn sizes(&self) -> [Sizes; 2] {
        [self.sides[0].endpoint.sizes(), self.sides[1].endpoint.sizes()]
    }

    fn next_time(&self) -> Option<u64> {
        let deadlines = self.sides.iter().filter_map(|side| side.endpoint.next_deadline());
        let queued = self.wire.keys().next().into_iter().chain(self.actions.keys().next()).map(|(at, _)| *at);
        deadlines.chain(queued).min()
    }

    fn schedule(&mut self, after: u64, side: usize, action: Action) {
        self.count += 1;
        self.actions.insert((self.now + after, self.count), (side, action));
    }

    fn step(&mut self) -> Result<(), String> {
        if let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, packet) = entry.remove();
            let from = self.sides[1 - to].address;
            self.sides[to].endpoint.receive(self.now, from, packet);
        } else if let Some(entry) = self.actions.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (side, action) = entry.remove();
            self.act(side, action);
        } else {
            for side in &mut self.sides {
                side.endpoint.handle_timeout(self.now);
            }
        }
        self.drain(0)?;
        self.drain(1)
    }

    fn drain(&mut self, side: usize) -> Result<(), String> {
        while let Some((_, packet)) = self.sides[side].endpoint.poll_transmit() {
            self.send(side, packet);
        }
        while let Some(event) = self.sides[side].endpoint.poll_event() {
            if self.trace {
                println!("{:>8} {side} event {event:?}", self.now);
            }
            self.hear(side, event)?;
        }
        while let Some((_, packet)) = self.sides[side].endpoint.poll_transmit() {
            self.send(side, packet);
        }
        Ok(())
    }

    fn send(&mut self, from: usize, packet: bytes::Bytes) {
        self.story.packets += 1;
        let text = String::from_utf8_lossy(&packet).into_owned();
        let call_id = text.lines().find_map(|line| line.strip_prefix("Call-ID: ")).unwrap_or_default();
        if let Some(number) = self.call_ids.get(call_id) {
            self.last_sent.insert(*number, self.now);
        }
        let lost = self.rng.u32(0..100) < self.loss;
        if self.trace {
            let cseq = text.lines().find(|line| line.starts_with("CSeq")).unwrap_or_default();
            println!("{:>8} {from} {} {} {cseq}", self.now, if lost { "lost" } else { "sent" }, text.lines().next().unwrap_or_default());
        }
        let copies = if lost { 0 } else { 1 + u32::from(self.rng.u32(0..100) < self.duplication) };
        for _ in 0..copies {
            self.count += 1;
            let at = self.now + 5 + self.rng.u64(0..self.jitter);
            self.wire.insert((at, self.count), (1 - from, packet.clone()));
        }
    }

    fn act(&mut self, side: usize, action: Action) {
        if self.trace {
            println!("{:>8} {side} does {action:?}", self.now);
        }
        let now = self.now;
        let text = match &action {
            Action::Offer(call, _) | Action::Progress(call) | Action::Answer(call) => self.next_description(side, *call),
            _ => String::new(),
        };
        let endpoint = &mut self.sides[side].endpoint;
        match action {
            Action::Call => self.call(side),
            Action::Ring(call) => endpoint.ring(now, call),
            Action::Progress(call) => endpoint.progress(now, call, 183, &text),
            Action::Answer(call) => endpoint.answer(now, call, &text),
            Action::HangUp(call) => endpoint.hang_up(now, call, &Farewell { status: 486, reason: None }),
            Action::Offer(call, by) => {
                if endpoint.offer(now, call, &text, by)
                    && let Some(view) = self.sides[side].views.get_mut(&call)
                {
                    view.last_offer = text;
                }
            }
            Action::AcceptOffer(call, answer) => endpoint.accept_offer(now, call, &answer),
            Action::RefuseOffer(call) => endpoint.refuse_offer(now, call),
            Action::Refer(call) => {
                endpoint.refer(now, call, "sip:other@192.0.2.3");
            }
            Action::AcceptTransfer(call) => {
                endpoint.accept_transfer(now, call);
                self.schedule(2_000, side, Action::Report(call, 200));
            }
            Action::RefuseTransfer(call) => endpoint.refuse_transfer(now, call, 603),
            Action::Report(call, status) => endpoint.report_transfer(now, call, status),
        }
    }

    fn next_description(&mut self, side: usize, call: CallKey) -> String {
        let Some(view) = self.sides[side].views.get_mut(&call) else { return String::new() };
        view.offers += 1;
        format!("offer {} of side {side}", view.offers)
    }

    fn call(&mut self, side: usize) {
        let number = self.callers.len();
        let description = (self.rng.u32(0..5) != 0).then(|| "the first offer".to_owned());
        let invitation = Invitation {
            to: format!("sip:{number}@{}", self.sides[1 - side].address),
            from: "<sip:caller@192.0.2.1>".to_owned(),
            target: self.sides[1 - side].address,
            fields: Vec::new(),
            description,
        };
        let Some(call) = self.sides[side].endpoint.call(self.now, invitation) else { return };
        self.story.calls += 1;
        self.callers.push(side);
        self.sides[side].views.insert(call, View { number, ..View::default() });
        if self.rng.u32(0..4) == 0 {
            let at = self.rng.u64(0..12_000);
            self.schedule(at, side, Action::HangUp(call));
        }
        self.schedule(LAST_CALL_MS, side, Action::HangUp(call));
    }

    fn hear(&mut self, side: usize, event: Event) -> Result<(), String> {
        match event {
            Event::Offered { call, invite, .. } => {
                let number: usize = identity::dialled(&invite).and_then(|text| text.parse().ok()).ok_or("an unknown call was offered")?;
                self.call_ids.insert(String::from_utf8_lossy(&invite.identity().call_id).into_owned(), number);
                self.sides[side].views.insert(call, View { number, ..View::default() });
                self.be_called(side, call);
            }
            Event::Confirmed { call, .. } => {
                self.alive(side, call)?;
                self.story.confirmed += 1;
                self.talk(side, call);
            }
            Event::Ended { call, ending } => {
                let now = self.now;
                self.alive(side, call)?.ended = Some((now, ending));
            }
            Event::Session { call, event } => {
                self.alive(side, call)?;
                self.hear_session(side, call, event)?;
            }
            Event::Responded { .. } => return Err("a response to a request that nobody sent".to_owned()),
        }
        Ok(())
    }

    /// Nothing may happen in a call after its end.
    fn alive(&mut self, side: usize, call: CallKey) -> Result<&mut View, String> {
        let now = self.now;
        match self.sides[side].views.get_mut(&call) {
            Some(view) if view.ended.is_none() => Ok(view),
            Some(view) => Err(format!("side {side}: an event at {now} after the end {:?}", view.ended)),
            None => Err(format!("side {side}: an event of an unknown call")),
        }
    }

    fn be_called(&mut self, side: usize, call: CallKey) {
        let mut at = 0;
        for _ in 0..self.rng.u32(0..3) {
            at += self.rng.u64(0..2_000);
            let action = if self.rng.bool() { Action::Ring(call) } else { Action::Progress(call) };
            self.schedule(at, side, action);
        }
        if self.rng.u32(0..4) == 0 {
            let early = at + self.rng.u64(0..4_000);
            self.schedule(early, side, Action::Offer(call, OfferBy::Update));
        }
        let end = at + self.rng.u64(0..8_000);
        match self.rng.u32(0..10) {
            0 => self.schedule(end, side, Action::HangUp(call)),
            1 => {}
            _ => self.schedule(end, side, Action::Answer(call)),
        }
        self.schedule(LAST_CALL_MS, side, Action::HangUp(call));
    }

    fn talk(&mut self, side: usize, call: CallKey) {
        let length = *self.rng.choice(&[10, 2_000, 20_000, 150_000]).expect("a choice");
        for _ in 0..self.rng.u32(0..4) {
            let at = self.rng.u64(0..length);
            let by = if self.rng.bool() { OfferBy::ReInvite } else { OfferBy::Update };
            let action = if self.rng.u32(0..6) == 0 { Action::Refer(call) } else { Action::Offer(call, by) };
            self.schedule(at, side, action);
        }
        if self.rng.bool() {
            let at = self.rng.u64(0..length);
            self.schedule(at, side, Action::HangUp(call));
        }
    }

    fn hear_session(&mut self, side: usize, call: CallKey, event: SessionEvent) -> Result<(), String> {
        let soon = self.rng.u64(0..1_500);
        match event {
            SessionEvent::Offered(offer) => {
                let answer = format!("answer to {}", String::from_utf8_lossy(&offer));
                match self.rng.u32(0..12) {
                    0 => self.schedule(soon, side, Action::RefuseOffer(call)),
                    1 => {}
                    _ => self.schedule(soon, side, Action::AcceptOffer(call, answer)),
                }
            }
            SessionEvent::OfferWanted => self.schedule(soon, side, Action::AcceptOffer(call, "a wanted offer".to_owned())),
            SessionEvent::Answered(answer) => {
                self.story.answered_offers += 1;
                let far_asks = self.sides[1 - side].asks;
                let view = self.alive(side, call)?;
                let expected = format!("answer to {}", view.last_offer);
                if far_asks && answer.starts_with(b"answer") && answer != expected.as_bytes() && !view.last_offer.is_empty() {
                    return Err(format!("{answer:?} is not {expected:?}"));
                }
            }
            SessionEvent::OfferRefused(_) => self.story.refused_offers += 1,
            SessionEvent::TransferAsked(_) => {
                self.story.transfers += 1;
                let action = if self.rng.u32(0..4) == 0 { Action::RefuseTransfer(call) } else { Action::AcceptTransfer(call) };
                self.schedule(soon, side, action);
            }
            SessionEvent::Challenged(_) | SessionEvent::Replaces(_) => return Err("an event that nobody caused".to_owned()),
            SessionEvent::Progress { .. }
            | SessionEvent::Failed(_)
            | SessionEvent::TransferProgress { .. }
            | SessionEvent::TransferRefused(_) => {}
        }
        Ok(())
    }

    /// The laws that are looked at when all is quiet.
    fn verdict(&self) -> Result<Story, String> {
        if self.sizes() != [Sizes::default(); 2] {
            return Err(format!("something is left in memory: {:?}", self.sizes()));
        }
        for (number, caller) in self.callers.iter().enumerate() {
            let of = |side: usize| self.sides[side].views.values().find(|view| view.number == number);
            let (ours, theirs) = (of(*caller), of(1 - caller));
            let ends = (ours.and_then(|view| view.ended), theirs.and_then(|view| view.ended), theirs.is_some());
            self.agreed(number, ends)?;
        }
        Ok(self.story)
    }

    fn agreed(&self, number: usize, ends: Ends) -> Result<(), String> {
        let (Some((caller_at, caller)), callee, was_offered) = ends else { return Err(format!("call {number}: the caller has no end")) };
        let Some((callee_at, callee)) = callee else {
            let fits = !was_offered && matches!(caller, Ending::Unreachable | Ending::AsCommanded | Ending::Refused(_));
            return if fits { Ok(()) } else { Err(format!("call {number}: the callee has no end, the caller's is {caller:?}")) };
        };
        if !(fits(caller, callee) && fits(callee, caller)) {
            return Err(format!("call {number}: {caller:?} and {callee:?} are no agreed end"));
        }
        let is_cut_off = matches!(caller, Ending::Unreachable) || matches!(callee, Ending::Unreachable);
        if self.loss <= FAIR_LOSS && !is_cut_off && caller_at.abs_diff(callee_at) > APART_MS {
            return Err(format!("call {number}: {caller:?} at {caller_at} but {callee:?} at {callee_at}"));
        }
        let last = self.last_sent.get(&number).copied().unwrap_or(0);
        if last > caller_at.max(callee_at) + ECHO_MS {
            return Err(format!("call {number}: a message at {last}, after its ends at {caller_at} and {callee_at}"));
        }
        Ok(())
    }
}

/// Whether one side may end like this if the other ended like that.
fn fits(this: Ending, that: Ending) -> bool {
    let sends_bye = matches!(that, Ending::AsCommanded | Ending::NoAck | Ending::Expired | Ending::Unreachable | Ending::NotAnswered);
    match this {
        Ending::ByeReceived => sends_bye,
        Ending::CancelReceived => matches!(that, Ending::AsCommanded | Ending::NotAnswered),
        Ending::Refused(_) => matches!(that, Ending::AsCommanded | Ending::NotAnswered | Ending::NoAck),
        Ending::AsCommanded | Ending::NoAck | Ending::NotAnswered | Ending::Unreachable | Ending::Expired => true,
    }
}

fn side(rng: &mut fastrand::Rng, number: u8) -> Side {
    let address = SocketAddr::from(([192, 0, 2, number], 5060));
    let asks = rng.u32(0..3) != 0;
    let settings = Settings {
        renegotiation: if asks { Renegotiation::Ask } else { Renegotiation::Keep },
        reliability: if rng.bool() { Reliability::WhenSupported } else { Reliability::WhenRequired },
        session_s: rng.bool().then_some(90),
        shortest_session_s: if rng.u32(0..4) == 0 { 120 } else { 90 },
        transfers: rng.bool(),
        ..Settings::default()
    };
    let endpoint = Endpoint::with_settings(address, Limits::default(), settings, Seed([rng.u64(..), rng.u64(..)]));
    Side { endpoint, address, asks, views: BTreeMap::new() }
}
