//! Endpoints, a bad link between them, people who do what comes to their minds, and a virtual clock: one seed, one story.
//!
//! [`run`] tells the first broken law. It reads no clock and no randomness but the seed's, so that a story can be told again.

use super::link::{PROXY, Proxy, Sent, Weather, field, status};
use super::people::{Doorkeeper, description};
use sip_core::{CallKey, Ending, Endpoint, Farewell, Limits, OfferBy, Reliability, Renegotiation, Seed, Settings, Sizes};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// A story must be over by then, in ms of its own time.
const END_MS: u64 = 1_500_000;
/// Whoever is still in a call then hangs up.
pub(crate) const LAST_CALL_MS: u64 = 240_000;
/// How long after both ends a message of the call may still be sent: the wait for an ACK, then that for the BYE's answer.
const ECHO_MS: u64 = 75_000;
/// How long after the first end the other one may come, if the link is no worse than [`FAIR_LOSS`] and never dead.
const APART_MS: u64 = 70_000;
/// Most steps of one story; more is a deadline that never passes.
const MAX_STEPS: u32 = 100_000;
/// Loss in percent up to which that holds.
const FAIR_LOSS: u32 = 10;
/// Endpoints: two that call each other, and a second phone behind the proxy.
const SIDES: usize = 3;

/// What one story came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) calls: u64,
    pub(crate) confirmed: u64,
    pub(crate) packets: u64,
    pub(crate) answered_offers: u64,
    pub(crate) refused_offers: u64,
    pub(crate) changed: u64,
    pub(crate) transfers: u64,
    pub(crate) replaced: u64,
    pub(crate) forks: u64,
    pub(crate) challenged: u64,
    pub(crate) expired: u64,
    pub(crate) glares: u64,
    pub(crate) too_short: u64,
    pub(crate) cancelled: u64,
    pub(crate) pracks: u64,
    pub(crate) updates: u64,
}

impl Story {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            confirmed: self.confirmed + other.confirmed,
            packets: self.packets + other.packets,
            answered_offers: self.answered_offers + other.answered_offers,
            refused_offers: self.refused_offers + other.refused_offers,
            changed: self.changed + other.changed,
            transfers: self.transfers + other.transfers,
            replaced: self.replaced + other.replaced,
            forks: self.forks + other.forks,
            challenged: self.challenged + other.challenged,
            expired: self.expired + other.expired,
            glares: self.glares + other.glares,
            too_short: self.too_short + other.too_short,
            cancelled: self.cancelled + other.cancelled,
            pracks: self.pracks + other.pracks,
            updates: self.updates + other.updates,
        }
    }

    fn note(&mut self, packet: &[u8]) {
        self.packets += 1;
        match status(packet) {
            Some(491) => self.glares += 1,
            Some(422) => self.too_short += 1,
            Some(487) => self.cancelled += 1,
            Some(_) => {}
            None if packet.starts_with(b"PRACK ") => self.pracks += 1,
            None if packet.starts_with(b"UPDATE ") => self.updates += 1,
            None => {}
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Call,
    Replace(CallKey),
    Ring(CallKey),
    Progress(CallKey),
    Answer(CallKey),
    HangUp(CallKey),
    Offer(CallKey, OfferBy),
    /// The answer to this question, which is the n-th of its call.
    AcceptOffer(CallKey, u64, String),
    RefuseOffer(CallKey),
    Refer(CallKey),
    AcceptTransfer(CallKey),
    RefuseTransfer(CallKey),
    Report(CallKey, u16),
    /// The proxy's refusal of this branch is sent again, after so many ms.
    Repeat(Vec<u8>, u64),
}

/// One person's view of one call.
#[derive(Debug, Default, Clone)]
pub(crate) struct View {
    pub(crate) number: usize,
    pub(crate) offers: u64,
    pub(crate) last_offer: String,
    /// Counts the offers that were made to us or withdrawn.
    pub(crate) question: u64,
    pub(crate) tries: u32,
    pub(crate) is_confirmed: bool,
    pub(crate) ended: Option<(u64, Ending)>,
}

impl View {
    pub(crate) fn of(number: usize) -> Self {
        Self { number, ..Self::default() }
    }
}

pub(crate) struct Side {
    pub(crate) endpoint: Endpoint,
    pub(crate) doorkeeper: Option<Doorkeeper>,
    pub(crate) views: BTreeMap<CallKey, View>,
}

pub(crate) struct World {
    pub(crate) rng: fastrand::Rng,
    pub(crate) now: u64,
    pub(crate) sides: [Side; SIDES],
    weather: Weather,
    proxy: Proxy,
    wire: BTreeMap<(u64, u64), (usize, usize, bytes::Bytes)>,
    actions: BTreeMap<(u64, u64), (usize, Action)>,
    count: u64,
    /// Caller's side of each call, and whether it is forked.
    pub(crate) callers: Vec<(usize, bool)>,
    /// Calls that were refused with a challenge: their end is no end of a call.
    pub(crate) challenged: BTreeSet<(usize, CallKey)>,
    last_sent: BTreeMap<usize, u64>,
    pub(crate) call_ids: BTreeMap<Vec<u8>, usize>,
    pub(crate) story: Story,
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

/// Where a side, or the proxy, is.
pub(crate) fn address(place: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, u8::try_from(place + 1).expect("there are four places")], 5060))
}

fn place(address: SocketAddr) -> Option<usize> {
    (0..=PROXY).find(|place| self::address(*place) == address)
}

impl World {
    fn new(seed: u64, trace: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let weather = Weather::of(&mut rng);
        let sides = [side(&mut rng, 0), side(&mut rng, 1), side(&mut rng, 2)];
        let mut world = Self {
            weather,
            rng,
            now: 0,
            sides,
            proxy: Proxy::default(),
            wire: BTreeMap::new(),
            actions: BTreeMap::new(),
            count: 0,
            callers: Vec::new(),
            challenged: BTreeSet::new(),
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

    fn sizes(&self) -> [Sizes; SIDES] {
        [0, 1, 2].map(|side: usize| self.sides[side].endpoint.sizes())
    }

    fn next_time(&self) -> Option<u64> {
        let deadlines = self.sides.iter().filter_map(|side| side.endpoint.next_deadline());
        let queued = self.wire.keys().next().into_iter().chain(self.actions.keys().next()).map(|(at, _)| *at);
        deadlines.chain(queued).min()
    }

    pub(crate) fn schedule(&mut self, after: u64, side: usize, action: Action) {
        self.count += 1;
        self.actions.insert((self.now + after, self.count), (side, action));
    }

    fn step(&mut self) -> Result<(), String> {
        if let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (from, to, packet) = entry.remove();
            self.deliver(from, to, packet);
        } else if let Some(entry) = self.actions.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (side, action) = entry.remove();
            self.act(side, action);
        } else {
            for side in &mut self.sides {
                side.endpoint.handle_timeout(self.now);
            }
        }
        (0..SIDES).try_for_each(|side| self.drain(side))
    }

    fn deliver(&mut self, from: usize, to: usize, packet: bytes::Bytes) {
        if to == PROXY {
            let sent = self.proxy.receive(from, &packet);
            if let Some(branch) = self.proxy.refused(&sent) {
                self.schedule(500, PROXY, Action::Repeat(branch, 500));
            }
            self.pass_on(sent);
        } else {
            self.sides[to].endpoint.receive(self.now, address(from), packet);
        }
    }

    /// The proxy's packets: those to its phones always arrive, those to the caller go over the bad link.
    fn pass_on(&mut self, sent: Sent) {
        for (to, packet) in sent {
            if to == 0 {
                self.send(PROXY, address(to), packet);
            } else {
                self.put(5, PROXY, to, packet);
            }
        }
    }

    fn drain(&mut self, side: usize) -> Result<(), String> {
        loop {
            while let Some((target, packet)) = self.sides[side].endpoint.poll_transmit() {
                self.send(side, target, packet);
            }
            let Some(event) = self.sides[side].endpoint.poll_event() else { return Ok(()) };
            if self.trace {
                println!("{:>8} {side} event {event:?}", self.now);
            }
            self.hear(side, event)?;
        }
    }

    fn send(&mut self, from: usize, target: SocketAddr, packet: bytes::Bytes) {
        self.story.note(&packet);
        if from < SIDES
            && let Some(number) = field(&packet, "Call-ID").and_then(|id| self.call_ids.get(id))
        {
            self.last_sent.insert(*number, self.now);
        }
        // A phone behind the proxy is beside it.
        let is_near = place(target) == Some(PROXY) && from > 0;
        let delays = if is_near { vec![5] } else { self.weather.delays(&mut self.rng, self.now) };
        if self.trace {
            let text = String::from_utf8_lossy(&packet).into_owned();
            let cseq = String::from_utf8_lossy(field(&packet, "CSeq").unwrap_or_default()).into_owned();
            println!("{:>8} {from} -> {target} {delays:?} {} {cseq}", self.now, text.lines().next().unwrap_or_default());
        }
        let Some(to) = place(target) else { return };
        for delay in delays {
            self.put(delay, from, to, packet.clone());
        }
    }

    fn put(&mut self, delay: u64, from: usize, to: usize, packet: bytes::Bytes) {
        self.count += 1;
        self.wire.insert((self.now + delay, self.count), (from, to, packet));
    }

    fn act(&mut self, side: usize, action: Action) {
        if self.trace {
            println!("{:>8} {side} does {action:?}", self.now);
        }
        let now = self.now;
        let text = match &action {
            Action::Offer(call, _) | Action::Progress(call) | Action::Answer(call) => self.next_description(side, *call),
            Action::AcceptOffer(call, _, of) => self.next_answer(side, *call, of),
            _ => String::new(),
        };
        if let Action::Repeat(branch, gap) = action {
            return self.repeat(branch, gap);
        }
        let endpoint = &mut self.sides[side].endpoint;
        match action {
            Action::Call => self.call(side, None),
            Action::Replace(call) => self.call(side, Some(call)),
            Action::Ring(call) => endpoint.ring(now, call),
            Action::Progress(call) => endpoint.progress(now, call, 183, &text),
            Action::Answer(call) => endpoint.answer(now, call, &text),
            Action::HangUp(call) => endpoint.hang_up(now, call, &Farewell { status: 486, reason: None }),
            Action::Offer(call, by) => {
                if endpoint.offer(now, call, &text, by)
                    && let Some(view) = self.sides[side].views.get_mut(&call)
                {
                    view.last_offer = text.lines().find(|line| line.starts_with("m=")).unwrap_or_default().to_owned();
                }
            }
            Action::AcceptOffer(call, question, _) if self.sides[side].views.get(&call).is_some_and(|view| view.question == question) => {
                self.sides[side].endpoint.accept_offer(now, call, &text);
            }
            Action::AcceptOffer(..) => {}
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
            Action::Repeat(..) => {}
        }
    }

    fn repeat(&mut self, branch: Vec<u8>, gap: u64) {
        let sent = self.proxy.repeat(&branch);
        if !sent.is_empty() && gap < 32_000 {
            self.schedule(gap * 2, PROXY, Action::Repeat(branch, gap * 2));
        }
        self.pass_on(sent);
    }

    fn next_answer(&mut self, side: usize, call: CallKey, of: &str) -> String {
        let Some(view) = self.sides[side].views.get_mut(&call) else { return String::new() };
        view.offers += 1;
        description(side, view.offers, "sendrecv", &format!("a=answers:{of}\r\n"))
    }

    /// The laws that are looked at when all is quiet.
    fn verdict(&self) -> Result<Story, String> {
        if self.sizes() != [Sizes::default(); SIDES] {
            return Err(format!("something is left in memory: {:?}", self.sizes()));
        }
        for (number, (caller, is_forked)) in self.callers.iter().enumerate() {
            let of = |side: &Side| side.views.values().rev().find(|view| view.number == number).cloned();
            let caller_view = of(&self.sides[*caller]).ok_or_else(|| format!("call {number}: the caller forgot it"))?;
            let callees: Vec<View> = (0..SIDES).filter(|side| side != caller).filter_map(|side| of(&self.sides[side])).collect();
            self.agreed(number, *is_forked, &caller_view, &callees)?;
        }
        Ok(self.story)
    }

    fn agreed(&self, number: usize, is_forked: bool, caller: &View, callees: &[View]) -> Result<(), String> {
        let Some((caller_at, caller_end)) = caller.ended else { return Err(format!("call {number}: the caller has no end")) };
        let mut ends = Vec::new();
        for callee in callees {
            ends.push(callee.ended.ok_or_else(|| format!("call {number}: a callee has no end, the caller's is {caller_end:?}"))?);
        }
        if ends.is_empty() {
            let fits = !caller.is_confirmed
                && matches!(caller_end, Ending::Unreachable | Ending::AsCommanded | Ending::NotAnswered | Ending::Refused(_));
            return if fits { Ok(()) } else { Err(format!("call {number}: nobody was called, the caller's end is {caller_end:?}")) };
        }
        let agrees = |(_, end): &(u64, Ending)| fits(caller_end, *end) && fits(*end, caller_end);
        let is_agreed = if is_forked { ends.iter().any(agrees) } else { ends.iter().all(agrees) };
        if !is_agreed {
            return Err(format!("call {number}: {caller_end:?} and {ends:?} are no agreed end"));
        }
        let last_end = ends.iter().map(|(at, _)| *at).fold(caller_at, u64::max);
        let last = self.last_sent.get(&number).copied().unwrap_or(0);
        if last > last_end + ECHO_MS {
            return Err(format!("call {number}: a message at {last}, after its ends at {caller_at} and {ends:?}"));
        }
        let is_fair = self.weather.loss_percent <= FAIR_LOSS && self.weather.outage.is_none() && !is_forked;
        let is_cut_off = ends.iter().chain([&(caller_at, caller_end)]).any(|(_, end)| *end == Ending::Unreachable);
        if is_fair && !is_cut_off && ends.iter().any(|(at, _)| at.abs_diff(caller_at) > APART_MS) {
            return Err(format!("call {number}: {caller_end:?} at {caller_at} but {ends:?}"));
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

fn side(rng: &mut fastrand::Rng, place: usize) -> Side {
    let asks = rng.u32(0..3) != 0;
    let settings = Settings {
        renegotiation: if asks { Renegotiation::Ask } else { Renegotiation::Keep },
        reliability: if rng.bool() { Reliability::WhenSupported } else { Reliability::WhenRequired },
        session_s: rng.bool().then_some(90),
        shortest_session_s: if rng.u32(0..4) == 0 { 120 } else { 90 },
        transfers: rng.bool(),
        ..Settings::default()
    };
    let doorkeeper = if place == 2 { None } else { Doorkeeper::of(rng) };
    let endpoint = Endpoint::with_settings(address(place), Limits::default(), settings, Seed([rng.u64(..), rng.u64(..)]));
    Side { endpoint, doorkeeper, views: BTreeMap::new() }
}
