//! One media thread: owns its legs and talks, waits for packets, orders and the next turn. Here are the loop and the orders; `relay` is the
//! packets' way.

use super::Limits;
use super::agent::{AgentLeg, Exits};
use super::ahead::AT_ONCE;
use super::budget;
use super::counters::Counters;
use super::frame::{TapFrame, TapKind};
use super::net::{DATAGRAM_BYTES, EVENTS, Poller, Token, Waker};
use super::orders::{News, Order, Slot};
use super::player::{Library, Player};
use super::secret::MAX_AGENTS;
use super::strain::{Gauge, LATE_US, Strain};
use super::table::Table;
use super::talk::{CITIZEN, Mode, Talk, Taps};
use super::tap::Tap;
use super::trunk::{Role, TrunkLeg};
use super::urgent;
use super::wheel::{Turn, Wheel};
use crate::tunnel::TunnelInput;
use call_core::input::AnnouncementEnd;
use shared::model::{LegId, RecordingId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use voice::MAX_PACKET_SAMPLES;
use voice::codec::Encoder;

/// Trunk legs, and talks, of one thread: more than a core can serve.
pub(super) const MAX_LEGS: usize = 4_096;
/// How often paths and talks are looked after.
const LOOK_AFTER_US: u64 = 50_000;
/// From one look at the sockets to the next, in µs, while packets come faster than that: to fall asleep and to be woken for each packet
/// costs as much as its way through, and nobody hears a millisecond.
const REST_US: u64 = 1_000;
/// The same, at most, while nothing is relayed: what is mixed waits for its turn anyway, and news of packets can wait for so long.
const REST_OF_MIXED_US: u64 = 3_000;
/// Longest packet of an agent that is carried from one thread to another.
const CARRIED_BYTES: usize = MAX_PACKET_SAMPLES + 64;
/// Packets that may wait for another thread.
pub(super) const CARRIED: usize = 2_048;

/// A packet of an agent that the first thread has read for another one.
#[derive(Debug)]
pub(super) struct Carried {
    /// The way on which it came.
    pub(super) way: super::agent::Way,
    length: u16,
    bytes: [u8; CARRIED_BYTES],
}

impl Carried {
    /// `None` for one that is longer than any of ours.
    pub(super) fn new(way: super::agent::Way, datagram: &[u8]) -> Option<Self> {
        let mut bytes = [0; CARRIED_BYTES];
        bytes.get_mut(..datagram.len())?.copy_from_slice(datagram);
        Some(Self { way, length: datagram.len() as u16, bytes })
    }

    /// The packet.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.length)]
    }
}

/// The first thread's ways to another one.
#[derive(Debug)]
pub(super) struct Neighbour {
    /// Its packets.
    pub(super) ring: rtrb::Producer<Carried>,
    /// Wakes it.
    pub(super) waker: Waker,
    /// It was given something in this turn.
    pub(super) is_given: bool,
}

/// What only the first thread has: it reads for all.
#[derive(Debug)]
pub(super) struct Door {
    /// By an agent's place: which thread serves it.
    pub(super) owners: Vec<u8>,
    /// The other threads, from the second on.
    pub(super) neighbours: Vec<Neighbour>,
    /// Packets through the WebSocket.
    pub(super) tunnel: TunnelInput,
}

impl Door {
    /// For the first of several threads.
    pub(super) fn new(neighbours: Vec<Neighbour>, tunnel: TunnelInput) -> Self {
        Self { owners: vec![0; MAX_AGENTS], neighbours, tunnel }
    }
}

/// The ring and bell of control.
#[derive(Debug)]
pub(super) struct Teller {
    ring: rtrb::Producer<News>,
    waker: Waker,
    /// Something was told in this turn for which somebody waits.
    is_awaited: bool,
    counters: Arc<Counters>,
}

impl Teller {
    /// Tells by this ring.
    pub(super) fn new(ring: rtrb::Producer<News>, waker: Waker, counters: Arc<Counters>) -> Self {
        Self { ring, waker, is_awaited: false, counters }
    }

    /// Tells; never waits. It is heard at the end of the turn.
    pub(super) fn tell(&mut self, news: News) {
        self.is_awaited |= news.is_awaited();
        if self.ring.push(news).is_err() {
            self.counters.news_lost.bump();
        }
    }

    /// The turn is over: once for all that was told.
    pub(super) fn call(&mut self) {
        if std::mem::take(&mut self.is_awaited) {
            self.waker.wake();
        }
    }
}

/// [`Limits`] in the thread's own unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitsUs {
    /// See [`Limits::agent_silence`].
    pub(super) agent_silence_us: u64,
    /// See [`Limits::keep_alive`].
    pub(super) keep_alive_us: u64,
    /// See [`Limits::trunk_silence`].
    pub(super) trunk_silence_us: u64,
    /// See [`Limits::report`].
    pub(super) report_us: u64,
}

impl LimitsUs {
    /// In µs.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            agent_silence_us: microseconds(limits.agent_silence),
            keep_alive_us: microseconds(limits.keep_alive),
            trunk_silence_us: microseconds(limits.trunk_silence),
            report_us: microseconds(limits.report),
        }
    }
}

/// Everything a media thread owns.
#[derive(Debug)]
pub(super) struct Worker {
    /// Trunk legs.
    pub(super) trunks: Table<TrunkLeg>,
    /// Agents' legs.
    pub(super) agents: Table<AgentLeg>,
    /// Talks.
    pub(super) talks: Table<Talk>,
    /// The site's sounds.
    pub(super) sounds: Library,
    /// Whose turn it is.
    pub(super) wheel: Wheel,
    /// The recorder's ear.
    pub(super) tap: Tap,
    /// The ways out to agents, and the numbers.
    pub(super) exits: Exits,
    /// To control.
    pub(super) teller: Teller,
    /// How long things take.
    pub(super) limits: LimitsUs,
    /// The first thread's.
    pub(super) door: Option<Door>,
    /// Room for packets of agents that are read at once.
    pub(super) inputs: Vec<[u8; DATAGRAM_BYTES]>,
    pub(super) poller: Poller,
    orders: rtrb::Consumer<Order>,
    carried: rtrb::Consumer<Carried>,
    gauge: Arc<Gauge>,
    strain: Strain,
    legs: usize,
    look_after_us: u64,
    /// When it woke last.
    woke_us: u64,
    /// Whether a talk is relayed, or was at the last look.
    pub(super) relays: bool,
    started: Instant,
}

/// What a worker gets from whoever starts it.
#[derive(Debug)]
pub(super) struct Inlets {
    /// Watches what the worker reads.
    pub(super) poller: Poller,
    /// From control.
    pub(super) orders: rtrb::Consumer<Order>,
    /// From the first thread.
    pub(super) carried: rtrb::Consumer<Carried>,
    /// If it is the first thread.
    pub(super) door: Option<Door>,
}

/// Where a worker's voices, news and numbers go.
#[derive(Debug)]
pub(super) struct Outlets {
    /// To the recorder.
    pub(super) taps: rtrb::Producer<TapFrame>,
    /// To agents.
    pub(super) exits: Exits,
    /// To control.
    pub(super) teller: Teller,
    /// To whoever admits calls.
    pub(super) gauge: Arc<Gauge>,
}

impl Worker {
    /// A worker without legs. The clock of all workers starts at `started`.
    pub(super) fn new(sounds: Library, limits: &Limits, inlets: Inlets, outlets: Outlets, started: Instant) -> Self {
        Self {
            trunks: Table::new(MAX_LEGS),
            agents: Table::new(MAX_AGENTS),
            talks: Table::new(MAX_LEGS),
            sounds,
            wheel: Wheel::new(),
            tap: Tap::new(outlets.taps),
            exits: outlets.exits,
            teller: outlets.teller,
            limits: LimitsUs::new(limits),
            door: inlets.door,
            inputs: vec![[0; DATAGRAM_BYTES]; AT_ONCE],
            poller: inlets.poller,
            orders: inlets.orders,
            carried: inlets.carried,
            gauge: outlets.gauge,
            strain: Strain::default(),
            legs: 0,
            look_after_us: 0,
            woke_us: 0,
            relays: false,
            started,
        }
    }

    /// Runs until control is gone.
    pub(super) fn run(mut self, core: Option<usize>) {
        if let Some(core) = core {
            urgent::pin_current_thread(core);
        }
        if let Err(error) = urgent::make_current_thread_urgent() {
            // A metric of its own beside the log: `media.without_priority` in the status.
            self.exits.counters.without_priority.bump();
            tracing::warn!(error, "a media thread runs without real-time priority: voices may stutter when the machine is busy");
        }
        while self.turn() {}
    }

    /// One wait and what follows from it. False when control is gone or waiting has become impossible.
    fn turn(&mut self) -> bool {
        let waiting = match self.poller.wait(self.timeout()) {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "a media thread cannot wait for packets and ends");
                return false;
            }
        };
        let woke_us = self.now_us();
        if self.strain.woke(woke_us, waiting < EVENTS) >= LATE_US {
            self.exits.counters.late_turns.bump();
        }
        let goes_on = self.serve(woke_us);
        let done_us = self.now_us();
        self.strain.worked(woke_us, done_us, &self.gauge, || budget::work_ns(&self.exits.counters.snapshot()));
        // As many as could be told at once: there are more, and they do not wait for the rest.
        let is_all = waiting < EVENTS;
        let rested_us = self.rested_us(woke_us);
        let is_dense = waiting > 1 || (waiting > 0 && woke_us < self.woke_us + 2 * (rested_us - woke_us));
        self.woke_us = woke_us;
        if let Some(rest_us) = rested_us.checked_sub(done_us).filter(|rest_us| *rest_us > 0 && is_all && is_dense) {
            std::thread::sleep(Duration::from_micros(rest_us));
        }
        goes_on
    }

    /// Until when it rests if packets are dense.
    pub(super) fn rested_us(&self, woke_us: u64) -> u64 {
        let soon_us = woke_us + REST_US;
        match self.wheel.next_us() {
            Some(turn_us) if !self.relays => turn_us.clamp(soon_us, woke_us + REST_OF_MIXED_US),
            Some(_) | None => soon_us,
        }
    }

    /// Serves what the poller has found and what is due.
    fn serve(&mut self, now_us: u64) -> bool {
        // Before any packet: what was ordered before it was sent must be in force.
        if !self.take_orders(now_us) {
            return false;
        }
        while let Some(token) = self.next_token() {
            match token {
                Token::Wake => {
                    self.take_carried(now_us);
                    // Again: taking the bell back may have swallowed the ring for an order that came after the first look.
                    if !self.take_orders(now_us) {
                        return false;
                    }
                }
                Token::Agents => self.hear_agents(now_us),
                Token::Tunnel => self.hear_tunnel(now_us),
                Token::Trunk(slot) => self.hear_trunk(now_us, slot),
                Token::TrunkReports(slot) => {
                    if let Some(leg) = self.trunks.get_mut(slot) {
                        leg.hear_report(now_us, &self.exits.counters);
                    }
                }
            }
        }
        self.wake_neighbours();
        self.take_turns(now_us);
        if now_us >= self.look_after_us {
            self.look_after_us = now_us + LOOK_AFTER_US;
            self.look_after(now_us);
        }
        self.teller.call();
        true
    }

    /// The next thing that can be read.
    fn next_token(&mut self) -> Option<Token> {
        if self.poller.is_at_a_batch() {
            self.read_trunks_ahead();
        }
        self.poller.ready()
    }

    /// A turn at a moment that a test has chosen.
    #[cfg(test)]
    pub(super) fn step(&mut self, now_us: u64) {
        loop {
            let waiting = self.poller.wait(Some(Duration::ZERO)).expect("epoll waits");
            self.serve(now_us);
            if waiting == 0 {
                return;
            }
        }
    }

    fn wake_neighbours(&mut self) {
        for neighbour in self.door.iter_mut().flat_map(|door| &mut door.neighbours).filter(|neighbour| neighbour.is_given) {
            neighbour.is_given = false;
            neighbour.waker.wake();
        }
    }

    fn take_carried(&mut self, now_us: u64) {
        while let Ok(mut packet) = self.carried.pop() {
            let way = packet.way;
            self.hear_agent(now_us, way, packet.bytes_mut());
        }
    }

    pub(super) fn take_orders(&mut self, now_us: u64) -> bool {
        // Asked first: what was sent before control went must still be carried out.
        let is_last = self.orders.is_abandoned();
        while let Ok(order) = self.orders.pop() {
            self.obey(now_us, order);
            self.exits.counters.orders_taken.bump();
        }
        !is_last
    }

    fn obey(&mut self, now_us: u64, order: Order) {
        match order {
            Order::AddTrunk(slot, leg) => self.add_trunk(now_us, slot, leg),
            Order::RemoveTrunk(slot) => self.remove_trunk(slot),
            Order::AddAgent(slot, leg) => self.add_agent(slot, leg),
            Order::RemoveAgent(slot) => self.remove_agent(slot),
            Order::Owner(slot, thread) => {
                if let Some(owner) = self.door.as_mut().and_then(|door| door.owners.get_mut(usize::from(slot))) {
                    *owner = thread;
                }
            }
            Order::Follow(slot, agreement) => {
                if let Some(leg) = self.trunks.get_mut(slot) {
                    leg.follow(agreement);
                }
            }
            Order::Rekey(slot, keys) => self.rekey(slot, keys),
            Order::Play(slot, player) => self.play(now_us, slot, player),
            Order::PlayAgent(slot, player) => self.play_to_agent(now_us, slot, player),
            Order::Speak(slot, player) => {
                if let Some(talk) = self.talks.get_mut(slot) {
                    talk.spoken = Some(player);
                }
            }
            Order::Keep(slot, recording) => self.keep(now_us, slot, recording),
            Order::Begin(slot, talk) => self.begin(now_us, slot, talk),
            Order::End(slot) => self.end(now_us, slot),
            Order::Mix(slot, mix) => self.mix(now_us, slot, mix),
            Order::Unmix(slot) => self.with_mix(slot, |mix| mix.leave()),
            Order::Sit(talk, place, slot, seat) => self.sit(now_us, (talk, place), slot, seat),
            Order::Role(talk, place, part) => {
                self.with_mix(talk, |mix| mix.set_part(usize::from(place), part));
                self.mark_whispers(now_us, talk);
            }
            Order::Recode(talk, place, coder) => self.recode(talk, place, coder),
            Order::Rise(talk, place) => self.rise(now_us, talk, place),
            Order::Muted(slot, muted) => self.muted(slot, muted),
            Order::SpeaksOpus(slot, speaks) => {
                if let Some(agent) = self.agents.get_mut(slot) {
                    agent.speaks_opus = speaks;
                }
            }
            Order::StayPcma(slot) => {
                if let Some(agent) = self.agents.get_mut(slot) {
                    agent.stay_pcma();
                }
            }
            Order::Press(slot, row) => {
                if let Some(leg) = self.trunks.get_mut(slot) {
                    leg.pressing = Some(row);
                    self.wheel.add(now_us, Turn::Trunk(slot));
                }
            }
            Order::HearTones(slot, tones) => match self.trunks.get_mut(slot) {
                Some(leg) => {
                    if let Some(older) = leg.tones.replace(tones) {
                        self.teller.tell(News::Tones(older));
                    }
                }
                None => self.teller.tell(News::Tones(tones)),
            },
            Order::MaskKeys(talk, masked) => {
                if let Some(Slot::Trunk(trunk)) = self.talks.get(talk).and_then(|talk| talk.members[usize::from(CITIZEN)])
                    && let Some(leg) = self.trunks.get_mut(trunk)
                {
                    leg.masks_keys = masked;
                }
            }
        }
    }

    fn rekey(&mut self, slot: u16, keys: Box<super::guard::Keys>) {
        let unused = match self.trunks.get_mut(slot) {
            Some(leg) => leg.guard.turn(keys),
            None => Some(keys),
        };
        if let Some(unused) = unused {
            self.teller.tell(News::Keys(unused));
        }
    }

    fn add_trunk(&mut self, now_us: u64, slot: u16, mut leg: Box<TrunkLeg>) {
        leg.begin(now_us);
        // Asked already by control, which has told that the leg is open: what cannot be watched stays silent and is counted so.
        let _ = self.poller.add(&leg.sockets.voice, Token::Trunk(slot));
        if let Some(reports) = &leg.sockets.reports {
            let _ = self.poller.add(reports, Token::TrunkReports(slot));
        }
        self.legs += 1;
        if let Some(older) = self.trunks.put(slot, leg) {
            self.unwatch(&older);
            self.teller.tell(News::Trunk(slot, older));
        }
    }

    /// Before its sockets go to another leg.
    fn unwatch(&self, leg: &TrunkLeg) {
        self.poller.remove(&leg.sockets.voice);
        if let Some(reports) = &leg.sockets.reports {
            self.poller.remove(reports);
        }
    }

    fn remove_trunk(&mut self, slot: u16) {
        self.wheel.remove(Turn::Trunk(slot));
        let Some(leg) = self.trunks.take(slot) else { return };
        self.legs = self.legs.saturating_sub(1);
        self.unwatch(&leg);
        if let Role::Playing(player) = leg.role {
            self.cut(leg.id, &player);
        }
        self.teller.tell(News::Trunk(slot, leg));
    }

    fn add_agent(&mut self, slot: u16, leg: Box<AgentLeg>) {
        self.legs += 1;
        if let Some(older) = self.agents.put(slot, leg) {
            self.teller.tell(News::Agent(slot, older));
        }
    }

    fn remove_agent(&mut self, slot: u16) {
        if let Some(mut leg) = self.agents.take(slot) {
            if let Some(before) = leg.playing.take() {
                self.wheel.remove(Turn::Agent(slot));
                self.cut(leg.id, &before);
            }
            self.legs = self.legs.saturating_sub(1);
            self.teller.tell(News::Agent(slot, leg));
        }
    }

    /// An announcement that is not over yet is over now.
    pub(super) fn cut(&mut self, leg: LegId, player: &Player) {
        if player.announces() {
            self.teller.tell(News::Announced(leg, AnnouncementEnd::Cut));
        }
    }

    fn play(&mut self, now_us: u64, slot: u16, player: Player) {
        let Some(leg) = self.trunks.get_mut(slot) else { return };
        let (id, before) = (leg.id, leg.role);
        if matches!(before, Role::Talking(..)) {
            // Control has refused it; a talk that has begun meanwhile goes on.
            return self.cut(id, &player);
        }
        leg.role = if player.is_over() { Role::Silent } else { Role::Playing(player) };
        if player.is_over() {
            self.wheel.remove(Turn::Trunk(slot));
        } else {
            self.wheel.add(now_us, Turn::Trunk(slot));
        }
        if let Role::Playing(before) = before {
            self.cut(id, &before);
        }
    }

    fn play_to_agent(&mut self, now_us: u64, slot: u16, player: Player) {
        let Some(leg) = self.agents.get_mut(slot) else { return };
        let id = leg.id;
        if leg.talk.is_some() {
            return self.cut(id, &player);
        }
        let before = leg.playing.take();
        leg.playing = Some(player).filter(|player| !player.is_over());
        match leg.playing {
            Some(_) => self.wheel.add(now_us, Turn::Agent(slot)),
            None => self.wheel.remove(Turn::Agent(slot)),
        }
        if let Some(before) = before {
            self.cut(id, &before);
        }
    }

    /// The track of whispers runs exactly while somebody may whisper.
    fn mark_whispers(&mut self, now_us: u64, slot: u16) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let wanted = talk.wants_whispers();
        let before = std::mem::replace(&mut talk.whispers, wanted);
        if before == wanted {
            return;
        }
        for (recording, kind) in [(before, TapKind::End), (wanted, TapKind::Begin)] {
            if let Some(recording) = recording {
                self.tap.mark(&self.exits.counters, recording, now_us, kind);
            }
        }
    }

    /// What a leg says while it is in no talk is recorded, or is not any more.
    fn keep(&mut self, now_us: u64, slot: u16, recording: Option<RecordingId>) {
        let Some(leg) = self.trunks.get_mut(slot) else { return };
        let before = std::mem::replace(&mut leg.kept, recording);
        if before == recording {
            return;
        }
        if let Some(recording) = recording {
            self.tap.mark(&self.exits.counters, recording, now_us, TapKind::Begin);
        }
        if let Some(before) = before {
            self.tap.mark(&self.exits.counters, before, now_us, TapKind::End);
        }
    }

    /// What a leg takes part in from now on.
    fn seat(&mut self, slot: Slot, place: Option<(u16, u8)>) {
        match slot {
            Slot::Agent(slot) => {
                let Some(agent) = self.agents.get_mut(slot) else { return };
                agent.talk = place;
                let id = agent.id;
                if place.is_some()
                    && let Some(before) = agent.playing.take()
                {
                    self.wheel.remove(Turn::Agent(slot));
                    self.cut(id, &before);
                }
            }
            Slot::Trunk(slot) => {
                let Some(leg) = self.trunks.get_mut(slot) else { return };
                let (id, before) = (leg.id, leg.role);
                leg.role = place.map_or(Role::Silent, |(talk, place)| Role::Talking(talk, place));
                // A talk that wants its keys masked says so; what was said in the last one holds while nobody talks.
                leg.masks_keys &= place.is_none();
                if leg.pressing.is_none() {
                    self.wheel.remove(Turn::Trunk(slot));
                }
                if let Role::Playing(before) = before {
                    self.cut(id, &before);
                }
            }
        }
    }

    fn begin(&mut self, now_us: u64, slot: u16, mut talk: Box<Talk>) {
        let members = talk.members;
        for (place, member) in members.iter().enumerate() {
            if let Some(member) = member {
                self.seat(*member, Some((slot, place as u8)));
            }
        }
        let (citizen, agent) = self.readings(&talk);
        talk.watch.begin(now_us, citizen, agent);
        if let Some(Slot::Agent(agent)) = members[1] {
            talk.watch.agent_muted = self.agents.get(agent).is_some_and(|agent| agent.muted);
        }
        if talk.taps != Taps::Nothing {
            self.tap.mark(&self.exits.counters, talk.recording, now_us, TapKind::Begin);
        }
        match talk.mode {
            Mode::Mixed(_) => self.wheel.add(now_us, Turn::Talk(slot)),
            Mode::Relay => self.relays = true,
        }
        if let Some(older) = self.talks.put(slot, talk) {
            self.teller.tell(News::Talk(slot, older));
        }
    }

    fn end(&mut self, now_us: u64, slot: u16) {
        self.wheel.remove(Turn::Talk(slot));
        let Some(mut talk) = self.talks.take(slot) else { return };
        let (citizen, agent) = self.readings(&talk);
        for member in talk.members.into_iter().flatten() {
            self.seat(member, None);
        }
        if talk.taps != Taps::Nothing {
            self.tap.mark(&self.exits.counters, talk.recording, now_us, TapKind::End);
        }
        if let Some(whispers) = talk.whispers.take() {
            self.tap.mark(&self.exits.counters, whispers, now_us, TapKind::End);
        }
        if talk.taps == Taps::Both {
            let totals = talk.watch.totals(now_us, citizen, agent);
            self.teller.tell(News::Measured(talk.recording, totals));
        }
        self.teller.tell(News::Talk(slot, talk));
    }

    fn mix(&mut self, now_us: u64, slot: u16, mix: Box<super::mix::Mix>) {
        let Some(talk) = self.talks.get_mut(slot) else { return self.teller.tell(News::Mix(mix)) };
        match std::mem::replace(&mut talk.mode, Mode::Mixed(mix)) {
            Mode::Relay => {}
            Mode::Mixed(older) => self.teller.tell(News::Mix(older)),
        }
        self.wheel.add(now_us, Turn::Talk(slot));
    }

    fn with_mix(&mut self, slot: u16, step: impl FnOnce(&mut super::mix::Mix)) {
        if let Some(Talk { mode: Mode::Mixed(mix), .. }) = self.talks.get_mut(slot) {
            step(mix);
        }
    }

    fn sit(&mut self, now_us: u64, (slot, place): (u16, u8), who: Slot, seat: Box<super::mix::Seat>) {
        let Some(talk) = self.talks.get_mut(slot) else { return self.teller.tell(News::Seat(seat)) };
        let unused = match (&mut talk.mode, talk.members.get_mut(usize::from(place))) {
            (Mode::Mixed(mix), Some(member)) => {
                *member = Some(who);
                mix.sit(usize::from(place), seat)
            }
            (Mode::Relay | Mode::Mixed(_), _) => Some(seat),
        };
        if let Some(unused) = unused {
            self.teller.tell(News::Seat(unused));
        }
        self.seat(who, Some((slot, place)));
        self.mark_whispers(now_us, slot);
    }

    fn recode(&mut self, slot: u16, place: u8, coder: Option<Encoder>) {
        let mut unused = coder;
        if let Some(Talk { mode: Mode::Mixed(mix), .. }) = self.talks.get_mut(slot)
            && let Some(seat) = mix.seat(usize::from(place))
        {
            unused = seat.recode(unused);
        }
        if let Some(unused) = unused {
            self.teller.tell(News::Coder(unused));
        }
    }

    fn rise(&mut self, now_us: u64, slot: u16, place: u8) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let member = talk.members.get_mut(usize::from(place)).and_then(Option::take);
        if let Mode::Mixed(mix) = &mut talk.mode
            && let Some(seat) = mix.rise(usize::from(place))
        {
            self.teller.tell(News::Seat(seat));
        }
        if let Some(member) = member {
            self.seat(member, None);
        }
        self.mark_whispers(now_us, slot);
    }

    fn muted(&mut self, slot: u16, muted: bool) {
        let Some(agent) = self.agents.get_mut(slot) else { return };
        agent.muted = muted;
        if let Some((talk, super::talk::AGENT)) = agent.talk
            && let Some(talk) = self.talks.get_mut(talk)
        {
            talk.watch.agent_muted = muted;
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let look_after = (self.legs > 0).then_some(self.look_after_us);
        let next_us = [look_after, self.wheel.next_us()].into_iter().flatten().min()?;
        Some(Duration::from_micros(next_us.saturating_sub(self.now_us())))
    }

    fn now_us(&self) -> u64 {
        microseconds(self.started.elapsed())
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
