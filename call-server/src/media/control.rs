//! What controls the media threads, on the thread of whoever holds the edge's handle: carries out the core's commands and tells the core what
//! the media threads say. It makes and frees whatever they need, so that they never do; it may allocate, log and be late by milliseconds.
//!
//! A trunk leg stays on the thread that was given to it at its opening, and so does the call. An agent comes to the call: if it is on
//! another thread, the agent's leg is moved there, and the first thread, which reads for all agents, is told whose its packets are now.

use super::Home;
use super::agent::{AgentLeg, OPUS_TYPE};
use super::budget::{self, Budget, Ceiling, Cost};
use super::counters::Counters;
use super::health::{Figures, Totals};
use super::keys::KeyRow;
use super::link::Wish;
use super::mix::{Mix, Seat};
use super::negotiate::{Agreed, Terms, Wanted};
use super::net::{Bell, Pair, Waker};
use super::orders::{News, Order, Slot};
use super::player::{MAX_PROMPTS, Player};
use super::ports::PortPool;
use super::roll::Roll;
use super::secret::{MAX_AGENTS, Secrets};
use super::strain::Gauge;
use super::stream::OutgoingStream;
use super::talk::{MAX_MEMBERS, Mode, Talk, Taps};
use super::trunk::{Agreement, Format, TrunkLeg};
use super::worker::MAX_LEGS;
use crate::switchboard::Inbox;
use call_core::Input;
use call_core::command::{MediaAccess, MediaCommand, Part, PromptName, SessionText, Sound, VoiceTerms};
use call_core::input::{AnnouncementEnd, MediaFailure};
use call_core::voice::{LegMeasured, TalkMeasured, VoiceInput};
use rustix::fd::OwnedFd;
use shared::model::{AgentId, LegId, RecordingId, TalkHealth, VoiceCodec};
use sip_core::sdp::Local;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// The first source of what is recorded of a mix.
const MIX_SSRC: u32 = 0x4D49_5845;

/// One media thread, seen from here.
#[derive(Debug)]
pub(super) struct Lane {
    /// To it.
    pub(super) orders: rtrb::Producer<Order>,
    /// From it.
    pub(super) news: rtrb::Consumer<News>,
    /// Wakes it.
    pub(super) waker: Waker,
    /// It was given an order in this turn.
    is_ordered: bool,
    /// How near it is to its limit.
    pub(super) gauge: Arc<Gauge>,
    /// What it has promised to do.
    budget: Budget,
    /// The core was told that another voice may come to a talk of its.
    has_room: bool,
    /// The thread; none in tests that play it.
    pub(super) thread: Option<JoinHandle<()>>,
    /// Places of trunk legs.
    pub(super) trunks: Roll,
    /// Places of talks.
    pub(super) talks: Roll,
}

impl Lane {
    /// A lane whose thread has nothing to do yet.
    pub(super) fn new(
        orders: rtrb::Producer<Order>,
        news: rtrb::Consumer<News>,
        (waker, gauge, thread): (Waker, Arc<Gauge>, Option<JoinHandle<()>>),
    ) -> Self {
        Self {
            orders,
            news,
            waker,
            is_ordered: false,
            gauge,
            budget: Budget::default(),
            has_room: true,
            thread,
            trunks: Roll::new(MAX_LEGS),
            talks: Roll::new(MAX_LEGS),
        }
    }
}

/// A leg that is open.
#[derive(Debug)]
enum Known {
    Trunk(KnownTrunk),
    Agent(KnownAgent),
}

/// A trunk leg.
#[derive(Debug)]
struct KnownTrunk {
    lane: usize,
    slot: u16,
    talk: Option<LegId>,
    terms: Box<Terms>,
    /// It was admitted as a call, and so was the leg that it talks with.
    admitted: bool,
    /// What it was promised, without what its talk needs more.
    cost: Cost,
}

/// An agent's leg.
#[derive(Debug, Clone, Copy)]
struct KnownAgent {
    agent: AgentId,
    lane: usize,
    slot: u16,
    speaks_opus: bool,
    codec: VoiceCodec,
    talk: Option<LegId>,
}

/// A talk, by the citizen's leg.
#[derive(Debug)]
struct KnownTalk {
    lane: usize,
    slot: u16,
    members: [Option<(LegId, Part)>; MAX_MEMBERS],
    mixed: bool,
    /// Of one trunk leg and one agent; any other pair is always mixed.
    is_plain: bool,
    /// What it was promised beyond what its legs were.
    cost: Cost,
}

/// What control gets from whoever makes it.
#[derive(Debug)]
pub(super) struct Parts {
    /// Rung for news.
    pub(super) bell: Bell,
    /// The media threads.
    pub(super) lanes: Vec<Lane>,
    /// Free ports.
    pub(super) ports: PortPool<Pair>,
    /// Where trunk ports are bound, and what our descriptions say: for each kind of address.
    pub(super) homes: Vec<Home>,
    /// The agents' port.
    pub(super) agent_port: u16,
    /// Where each prompt stands.
    pub(super) prompts: BTreeMap<PromptName, u16>,
    /// To the core.
    pub(super) inbox: Inbox,
    /// Its own numbers.
    pub(super) counters: Arc<Counters>,
    /// The clock of all threads.
    pub(super) started: Instant,
    /// What the site limits itself to.
    pub(super) ceiling: Ceiling,
}

/// Everything that control owns.
#[derive(Debug)]
pub(super) struct Control {
    parts: Parts,
    legs: HashMap<LegId, Known>,
    talks: HashMap<LegId, KnownTalk>,
    agents: Roll,
    /// An agent's leg is on its way from one thread to another; commands wait for it, in order.
    moving: Option<Moving>,
    waiting: VecDeque<MediaCommand>,
    /// Of what is recorded of a mix.
    next_source: u32,
}

#[derive(Debug, Clone, Copy)]
struct Moving {
    slot: u16,
    to: usize,
}

impl Control {
    /// Without legs.
    pub(super) fn new(parts: Parts) -> Self {
        let (legs, talks, waiting) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self { parts, legs, talks, agents: Roll::new(MAX_AGENTS), moving: None, waiting, next_source: MIX_SSRC }
    }

    /// What media threads have told is told to the core; what they were ordered reaches them: once for all orders of a turn, because a
    /// thread that is woken by each of them does little else.
    pub(super) fn tend(&mut self) {
        self.parts.bell.answer();
        self.take_news();
        for lane in self.parts.lanes.iter_mut().filter(|lane| lane.is_ordered) {
            lane.is_ordered = false;
            lane.waker.wake();
        }
        self.tell_room();
    }

    /// A talk has its thread, which alone has to have room for whoever comes to it; what the site limits itself to holds for all of them.
    fn tell_room(&mut self) {
        let promised = self.promised_by_all();
        let site_has_room = self.parts.ceiling.has_room(promised);
        for (thread, lane) in (0_u8..).zip(&mut self.parts.lanes) {
            // Asked in any case: it remembers its answer.
            let has_room = lane.budget.has_room(&lane.gauge) && site_has_room;
            if std::mem::replace(&mut lane.has_room, has_room) == has_room {
                continue;
            }
            let load_permille = lane.budget.load_permille(&lane.gauge);
            if has_room {
                tracing::info!(thread, load_permille, "another voice may come to a talk again");
            } else {
                tracing::warn!(thread, load_permille, site_has_room, "no other voice may come to a talk");
            }
            self.parts.inbox.send(Input::Voice(VoiceInput::RoomForVoices { thread, has_room }));
        }
    }

    /// What all threads have promised, in µs a second.
    fn promised_by_all(&self) -> u64 {
        self.parts.lanes.iter().map(|lane| lane.budget.promised()).sum()
    }

    /// Whether a thread may promise this, too.
    fn has_time(&self, lane: usize, cost: Cost) -> bool {
        let Lane { budget, gauge, .. } = &self.parts.lanes[lane];
        budget.has_time(cost, gauge) && self.parts.ceiling.has_time(self.promised_by_all(), cost)
    }

    /// Ends every talk, so that the recorder learns where each one stopped, and then the media threads.
    pub(super) fn end(&mut self) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        legs.into_iter().for_each(|leg| self.close(leg));
        for mut lane in self.parts.lanes.drain(..) {
            // Gone, it tells the thread to end.
            drop(lane.orders);
            lane.waker.wake();
            if lane.thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a media thread had ended by a panic");
            }
        }
    }

    /// A handle on [`Parts::bell`] for whoever waits for it.
    pub(super) fn bell(&self) -> io::Result<OwnedFd> {
        self.parts.bell.share()
    }

    /// Carries a command out, or lets it wait for an agent's leg that is on its way. What is ordered by it reaches the threads by [`Self::tend`].
    pub(super) fn take(&mut self, command: MediaCommand) {
        if self.moving.is_some() {
            self.waiting.push_back(command);
        } else {
            self.obey(command);
        }
    }

    /// What a thread has promised, in µs a second.
    #[cfg(test)]
    pub(super) fn promised(&self, lane: usize) -> u64 {
        self.parts.lanes[lane].budget.promised()
    }

    fn take_news(&mut self) {
        for lane in 0..self.parts.lanes.len() {
            while let Ok(news) = self.parts.lanes[lane].news.pop() {
                self.hear(lane, news);
            }
        }
    }

    fn hear(&mut self, lane: usize, news: News) {
        let inbox = &self.parts.inbox;
        match news {
            News::Reachable(leg, reachable) => inbox.send(Input::AgentMediaReachable { leg, reachable }),
            News::Key(leg, digit) => inbox.send(Input::Digit { leg, digit }),
            News::Announced(leg, end) => inbox.send(Input::AnnouncementEnded { leg, end }),
            News::Link(leg, wish) => self.send_as(leg, wish),
            News::Health(agent, figures) => inbox.send(Input::Voice(VoiceInput::Health { agent, health: health(&figures) })),
            News::Measured(recording, totals) => inbox.send(Input::Voice(VoiceInput::Measured(measured(recording, &totals)))),
            News::Trunk(slot, leg) => {
                self.give_back(leg.sockets);
                self.parts.lanes[lane].trunks.give_back(slot);
            }
            News::Talk(slot, talk) => {
                drop(talk);
                self.parts.lanes[lane].talks.give_back(slot);
            }
            News::Agent(slot, leg) => self.agent_left(slot, leg),
            News::Mix(mix) => drop(mix),
            News::Seat(seat) => drop(seat),
            News::Tones(tones) => drop(tones),
            News::Coder(coder) => drop(coder),
            News::Keys(keys) => drop(keys),
        }
    }

    fn obey(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::OpenTrunk { leg, offer, terms } => self.open_trunk(leg, offer.as_ref(), (&terms, None, false)),
            MediaCommand::OfferTrunk { leg, near, urgent, terms } => self.open_trunk(leg, None, (&terms, near, urgent)),
            MediaCommand::Follow { leg, description } => self.follow(leg, &description),
            MediaCommand::OpenAgent { agent, leg } => self.open_agent(agent, leg),
            MediaCommand::Play { leg, sound } => self.play(leg, &[], sound),
            MediaCommand::Announce { leg, prompts, then } => self.play(leg, &prompts, then),
            MediaCommand::Connect { citizen, agent, recording } => self.join(citizen, agent, (Taps::Both, recording)),
            MediaCommand::Confer { first, second, recording: Some(recording) } => self.join(first, second, (Taps::Right, recording)),
            MediaCommand::Confer { first, second, recording: None } => self.join(first, second, (Taps::Nothing, RecordingId(0))),
            MediaCommand::Hold { citizen, recording } => {
                self.play(citizen, &[], Sound::Music);
                self.order_trunk(citizen, |slot| Order::Keep(slot, Some(recording)));
            }
            MediaCommand::Disconnect { citizen } => self.part(citizen),
            MediaCommand::Close { leg } => self.close(leg),
            MediaCommand::AgentVoice { leg, opus, muted } => self.agent_voice(leg, opus, muted),
            MediaCommand::Attend { leg, citizen, part } => self.attend(leg, citizen, part),
            MediaCommand::Withdraw { leg } => self.withdraw(leg),
            MediaCommand::Speak { talk, prompts } => self.speak(talk, &prompts),
            MediaCommand::PressKeys { leg, keys } => {
                self.order_trunk(leg, |slot| Order::Press(slot, KeyRow::new(&keys)));
            }
            MediaCommand::HearTones { leg } => {
                self.order_trunk(leg, |slot| Order::HearTones(slot, Box::default()));
            }
            MediaCommand::MaskKeys { citizen, masked } => {
                if let Some(talk) = self.talks.get(&citizen) {
                    let (lane, slot) = (talk.lane, talk.slot);
                    self.order(lane, Order::MaskKeys(slot, masked));
                }
            }
        }
    }

    fn order(&mut self, lane: usize, order: Order) {
        self.parts.counters.orders_given.bump();
        let lane = &mut self.parts.lanes[lane];
        if lane.orders.push(order).is_err() {
            tracing::error!(waiting = super::orders::ORDERS, "a media thread takes no orders: one was lost");
        }
        lane.is_ordered = true;
        // It takes what it has before there is no room for more.
        if lane.orders.slots() < super::orders::ORDERS / 2 {
            lane.waker.wake();
        }
    }

    fn order_trunk(&mut self, leg: LegId, order: impl FnOnce(u16) -> Order) {
        if let Some(Known::Trunk(known)) = self.legs.get(&leg) {
            let (lane, slot) = (known.lane, known.slot);
            self.order(lane, order(slot));
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.parts.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Without an offer ours is made: for a late one, and for a call of ours.
    fn open_trunk(&mut self, leg: LegId, offer: Option<&SessionText>, wish: (&VoiceTerms, Option<LegId>, bool)) {
        self.close(leg);
        let input = match self.try_open_trunk(leg, offer, wish) {
            Ok(answer) => Input::MediaOpened { leg, answer },
            Err(reason) => {
                tracing::info!(leg = leg.0, ?reason, "a trunk leg could not be opened");
                Input::MediaFailed { leg, reason }
            }
        };
        self.parts.inbox.send(input);
    }

    fn try_open_trunk(
        &mut self,
        leg: LegId,
        offer: Option<&SessionText>,
        (terms, near, urgent): (&VoiceTerms, Option<LegId>, bool),
    ) -> Result<SessionText, MediaFailure> {
        let wanted = Wanted::read(offer, terms)?;
        // A leg beside another one was admitted with it, or by the core: who is in a talk is not left without.
        let beside = near.and_then(|near| self.whereabouts(near)).map(|(lane, _)| lane);
        let lane = beside.or_else(|| self.least_busy_lane(urgent)).ok_or(MediaFailure::Overloaded)?;
        let (ssrc, start) = random().map_err(|_| MediaFailure::Io)?;
        let Home { bind, advertise } = self.home(wanted.is_ipv6()).ok_or(MediaFailure::BadOffer)?;
        let now_us = self.now_us();
        let open = |port, kept: Option<Pair>| {
            let address = SocketAddr::new(bind, port);
            kept.and_then(|kept| kept.wake(address)).map_or_else(|| Pair::bind(address), Ok)
        };
        let (port, sockets) = self.parts.ports.take(now_us, open).ok_or(MediaFailure::NoPorts)?;
        let local = Local { address: advertise, port, session_id: leg.0, session_version: 1 };
        let agreed =
            wanted.agree(local).and_then(|agreed| Ok((agreed, self.parts.lanes[lane].trunks.take().ok_or(MediaFailure::NoPorts)?)));
        let (Agreed { agreement, equipment, text, terms }, slot) = match agreed {
            Ok(agreed) => agreed,
            Err(reason) => {
                self.give_back(sockets);
                return Err(reason);
            }
        };
        let out = OutgoingStream::new(ssrc, agreement.payload_type(), start);
        let admitted = beside.is_none();
        let cost = cost_of_trunk(admitted, &agreement);
        let trunk = TrunkLeg::new(leg, sockets, agreement, (equipment, out));
        self.legs.insert(leg, Known::Trunk(KnownTrunk { lane, slot, talk: None, terms: Box::new(terms), admitted, cost }));
        self.parts.lanes[lane].budget.change(0, cost);
        self.order(lane, Order::AddTrunk(slot, Box::new(trunk)));
        // Who is told nothing takes it to be on the first one.
        if let Some(thread) = u8::try_from(lane).ok().filter(|thread| *thread > 0) {
            self.parts.inbox.send(Input::Voice(VoiceInput::ThreadOf { leg, thread }));
        }
        Ok(text)
    }

    /// Sockets that no leg has any more.
    fn give_back(&mut self, sockets: Pair) {
        let (now_us, port) = (self.now_us(), sockets.address.port());
        self.parts.ports.give_back(now_us, port, sockets.rest());
    }

    /// Our side for callers of this kind of address.
    fn home(&self, ipv6: bool) -> Option<Home> {
        self.parts.homes.iter().copied().find(|home| home.advertise.is_ipv6() == ipv6)
    }

    /// A description that cannot be used changes nothing: the SIP side has checked it, so this is a late answer in an ACK at worst.
    fn follow(&mut self, leg: LegId, description: &SessionText) {
        let Some(Known::Trunk(known)) = self.legs.get_mut(&leg) else { return };
        let (lane, slot) = (known.lane, known.slot);
        match known.terms.follow(description) {
            Ok((agreement, keys)) => {
                let cost = cost_of_trunk(known.admitted, &agreement);
                self.parts.lanes[lane].budget.change(std::mem::replace(&mut known.cost, cost), cost);
                if let Some(keys) = keys {
                    self.order(lane, Order::Rekey(slot, keys));
                }
                self.order(lane, Order::Follow(slot, agreement));
            }
            Err(reason) => {
                tracing::info!(leg = leg.0, ?reason, "the far side's new description cannot be used; the old one stays in force");
            }
        }
    }

    /// The thread with the least to do, if it has time for another call, or the call cannot wait.
    fn least_busy_lane(&mut self, urgent: bool) -> Option<usize> {
        let lanes = self.parts.lanes.iter().enumerate();
        let least = lanes.min_by_key(|(_, lane)| (lane.budget.load_permille(&lane.gauge), lane.trunks.taken()));
        let least = least.map(|(place, _)| place).filter(|place| urgent || self.has_time(*place, budget::CALL));
        if least.is_none() {
            self.parts.counters.refused_calls.bump();
            // One that sleeps would never find out that it is at rest.
            self.parts.lanes.iter().for_each(|lane| lane.waker.wake());
        }
        least
    }

    fn open_agent(&mut self, agent: AgentId, leg: LegId) {
        let of_agent = |known: &Known| matches!(known, Known::Agent(known) if known.agent == agent);
        if let Some(older) = self.legs.iter().find(|(_, known)| of_agent(known)).map(|(leg, _)| *leg) {
            self.close(older);
        }
        let input = match self.try_open_agent(agent, leg) {
            Ok(access) => Input::AgentMediaOpened { agent, leg, access },
            Err(reason) => Input::MediaFailed { leg, reason },
        };
        self.parts.inbox.send(input);
    }

    fn try_open_agent(&mut self, agent: AgentId, leg: LegId) -> Result<MediaAccess, MediaFailure> {
        let slot = self.agents.take().ok_or(MediaFailure::NoPorts)?;
        let made = Secrets::generate(slot, self.parts.agent_port, OPUS_TYPE).and_then(|made| Ok((made, getrandom::u64()?)));
        let ((secrets, access), start) = match made {
            Ok(made) => made,
            Err(error) => {
                tracing::error!(%error, "no randomness for an agent's keys");
                self.agents.give_back(slot);
                return Err(MediaFailure::Io);
            }
        };
        let known = KnownAgent { agent, lane: 0, slot, speaks_opus: false, codec: VoiceCodec::Pcma, talk: None };
        self.legs.insert(leg, Known::Agent(known));
        self.order(0, Order::Owner(slot, 0));
        self.order(0, Order::AddAgent(slot, Box::new(AgentLeg::new(leg, secrets, start))));
        Ok(access)
    }

    /// A thread has given an agent's leg back: to be moved, or to be freed.
    fn agent_left(&mut self, slot: u16, leg: Box<AgentLeg>) {
        match self.moving.take_if(|moving| moving.slot == slot) {
            Some(Moving { to, .. }) => {
                self.order(to, Order::AddAgent(slot, leg));
                self.order(0, Order::Owner(slot, u8::try_from(to).unwrap_or(0)));
                while self.moving.is_none()
                    && let Some(command) = self.waiting.pop_front()
                {
                    self.obey(command);
                }
            }
            None => self.agents.give_back(slot),
        }
    }

    fn places(&self, prompts: &[PromptName]) -> Vec<u16> {
        prompts.iter().filter_map(|name| self.parts.prompts.get(name).copied()).take(MAX_PROMPTS).collect()
    }

    /// A talk that is not mixed has nobody who could not be told otherwise.
    fn speak(&mut self, talk: LegId, prompts: &[PromptName]) {
        let places = self.places(prompts);
        if places.is_empty() {
            return;
        }
        self.ensure_mixed(talk);
        let Some(talk) = self.talks.get(&talk).filter(|talk| talk.mixed) else { return };
        let (lane, slot) = (talk.lane, talk.slot);
        self.order(lane, Order::Speak(slot, Player::new(places.into_iter(), Sound::Silence)));
    }

    fn play(&mut self, leg: LegId, prompts: &[PromptName], then: Sound) {
        let places = self.places(prompts);
        let announces = !prompts.is_empty();
        let unheard = |end| {
            if announces {
                self.parts.inbox.send(Input::AnnouncementEnded { leg, end })
            }
        };
        match self.legs.get(&leg) {
            Some(Known::Trunk(KnownTrunk { talk: None, .. })) => {}
            Some(Known::Agent(KnownAgent { talk: None, lane, slot, .. })) => {
                let (lane, slot) = (*lane, *slot);
                if places.is_empty() {
                    unheard(AnnouncementEnd::NoPrompt);
                }
                return self.order(lane, Order::PlayAgent(slot, Player::new(places.into_iter(), then)));
            }
            Some(Known::Trunk(_) | Known::Agent(_)) => {
                tracing::warn!(leg = leg.0, "a talking leg was to hear something else; it goes on talking");
                return unheard(AnnouncementEnd::Cut);
            }
            None => return unheard(AnnouncementEnd::Cut),
        }
        if places.is_empty() {
            unheard(AnnouncementEnd::NoPrompt);
        }
        self.order_trunk(leg, |slot| Order::Keep(slot, None));
        self.order_trunk(leg, |slot| Order::Play(slot, Player::new(places.into_iter(), then)));
    }

    /// Joins two legs of whatever kind; the talk is named by the first. An agent comes to the trunk's thread, or to the other agent's.
    fn join(&mut self, first: LegId, second: LegId, tapped: (Taps, RecordingId)) {
        self.part(first);
        for leg in [first, second] {
            self.withdraw(leg);
        }
        let (Some(one), Some(other)) = (self.whereabouts(first), self.whereabouts(second)) else {
            tracing::warn!(first = first.0, second = second.0, "legs were to be joined of which one is gone");
            return;
        };
        let (taps, recording) = tapped;
        if one.0 != other.0 {
            let again = match taps {
                Taps::Both => MediaCommand::Connect { citizen: first, agent: second, recording },
                Taps::Right => MediaCommand::Confer { first, second, recording: Some(recording) },
                Taps::Nothing => MediaCommand::Confer { first, second, recording: None },
            };
            return match (one.1, other.1) {
                (_, Slot::Agent(_)) => self.bring(second, one.0, again),
                (Slot::Agent(_), Slot::Trunk(_)) => self.bring(first, other.0, again),
                (Slot::Trunk(_), Slot::Trunk(_)) => {
                    tracing::error!(first = first.0, second = second.0, "two trunk legs are on different threads and cannot be joined");
                }
            };
        }
        self.begin_talk((first, second), (one.0, one.1, other.1), tapped);
    }

    fn begin_talk(
        &mut self,
        (first, second): (LegId, LegId),
        (lane, one, other): (usize, Slot, Slot),
        (taps, recording): (Taps, RecordingId),
    ) {
        let Some(slot) = self.parts.lanes[lane].talks.take() else {
            tracing::error!("a media thread has no place for another talk");
            return;
        };
        self.order_trunk(first, |slot| Order::Keep(slot, None));
        let mut members = [None; MAX_MEMBERS];
        (members[0], members[1]) = (Some((first, Part::Talk)), Some((second, Part::Talk)));
        let is_plain = taps == Taps::Both && matches!(one, Slot::Trunk(_));
        let mut talk = Talk::new(recording, one, (other, second));
        (talk.taps, talk.source) = (taps, self.next_source);
        self.next_source = self.next_source.wrapping_add(1);
        let mix = (!is_plain || self.speaks_opus(first) || self.speaks_opus(second)).then(|| self.make_mix(&members)).flatten();
        let mixed = mix.is_some();
        if let Some(mix) = mix {
            talk.mode = Mode::Mixed(mix);
        }
        self.talks.insert(first, KnownTalk { lane, slot, members, mixed, is_plain, cost: 0 });
        self.set_talk(first, Some(first));
        self.set_talk(second, Some(first));
        self.recount(first);
        self.order(lane, Order::Begin(slot, Box::new(talk)));
    }

    /// On which thread a leg is, and where there.
    fn whereabouts(&self, leg: LegId) -> Option<(usize, Slot)> {
        Some(match self.legs.get(&leg)? {
            Known::Trunk(known) => (known.lane, Slot::Trunk(known.slot)),
            Known::Agent(known) => (known.lane, Slot::Agent(known.slot)),
        })
    }

    fn speaks_opus(&self, leg: LegId) -> bool {
        matches!(self.legs.get(&leg), Some(Known::Agent(known)) if known.codec == VoiceCodec::Opus)
    }

    /// Moves an agent's leg to another thread; the command is carried out when it is there.
    fn bring(&mut self, agent: LegId, to: usize, then: MediaCommand) {
        let Some(Known::Agent(known)) = self.legs.get_mut(&agent) else { return };
        let (from, slot) = (std::mem::replace(&mut known.lane, to), known.slot);
        let cost = cost_of_agent(known);
        self.parts.lanes[from].budget.change(cost, 0);
        self.parts.lanes[to].budget.change(0, cost);
        self.moving = Some(Moving { slot, to });
        self.waiting.push_front(then);
        self.order(from, Order::RemoveAgent(slot));
    }

    fn set_talk(&mut self, leg: LegId, citizen: Option<LegId>) {
        match self.legs.get_mut(&leg) {
            Some(Known::Trunk(known)) => known.talk = citizen,
            Some(Known::Agent(known)) => known.talk = citizen,
            None => {}
        }
    }

    /// Ends the talk of a citizen, if there is one.
    fn part(&mut self, citizen: LegId) {
        let Some(talk) = self.talks.remove(&citizen) else { return };
        for (leg, _) in talk.members.into_iter().flatten() {
            self.set_talk(leg, None);
        }
        self.parts.lanes[talk.lane].budget.change(talk.cost, 0);
        self.order(talk.lane, Order::End(talk.slot));
    }

    /// A leg leaves a talk; without the one that it is named by, or with nobody else, there is none.
    fn leave(&mut self, leg: LegId, citizen: LegId) {
        let Some(talk) = self.talks.get_mut(&citizen) else { return };
        let place = talk.members.iter().position(|member| member.is_some_and(|(member, _)| member == leg));
        let are_two = talk.members.iter().flatten().count() <= 2;
        match place {
            Some(0) => self.part(citizen),
            Some(_) if are_two => self.part(citizen),
            Some(place) => {
                talk.members[place] = None;
                let (lane, slot) = (talk.lane, talk.slot);
                self.set_talk(leg, None);
                self.order(lane, Order::Rise(slot, place as u8));
                self.retune(citizen);
            }
            None => {}
        }
    }

    fn attend(&mut self, leg: LegId, citizen: LegId, part: Part) {
        let Some(talk) = self.talks.get(&citizen) else {
            tracing::warn!(leg = leg.0, citizen = citizen.0, "a leg was to attend a talk that is over");
            return;
        };
        let (lane, talk_slot) = (talk.lane, talk.slot);
        if let Some(place) = talk.members.iter().position(|member| member.is_some_and(|(member, _)| member == leg)) {
            return self.change_part(citizen, place, part);
        }
        let (where_it_is, slot, before) = match self.legs.get(&leg) {
            Some(Known::Trunk(known)) => (known.lane, Slot::Trunk(known.slot), known.talk),
            Some(Known::Agent(known)) => (known.lane, Slot::Agent(known.slot), known.talk),
            None => return,
        };
        if let Some(before) = before {
            self.leave(leg, before);
        }
        self.order_trunk(leg, |slot| Order::Keep(slot, None));
        match slot {
            Slot::Agent(_) if where_it_is != lane => return self.bring(leg, lane, MediaCommand::Attend { leg, citizen, part }),
            Slot::Trunk(_) if where_it_is != lane => {
                tracing::error!(leg = leg.0, "a second trunk leg is on another thread than the talk and cannot attend it");
                return;
            }
            Slot::Agent(_) | Slot::Trunk(_) => {}
        }
        self.ensure_mixed(citizen);
        let seat = self.make_seat(leg, part);
        let Some(talk) = self.talks.get_mut(&citizen) else { return };
        let free = talk.members.iter().position(Option::is_none);
        let (Some(place), Some(seat)) = (free, seat) else {
            tracing::warn!(leg = leg.0, most = MAX_MEMBERS, "a talk has no place for another party");
            return;
        };
        talk.members[place] = Some((leg, part));
        self.set_talk(leg, Some(citizen));
        self.recount(citizen);
        self.order(lane, Order::Sit(talk_slot, place as u8, slot, seat));
    }

    fn change_part(&mut self, citizen: LegId, place: usize, part: Part) {
        let Some(talk) = self.talks.get_mut(&citizen) else { return };
        if let Some(Some(member)) = talk.members.get_mut(place) {
            member.1 = part;
        }
        let (lane, slot) = (talk.lane, talk.slot);
        self.order(lane, Order::Role(slot, place as u8, part));
    }

    fn withdraw(&mut self, leg: LegId) {
        let talk = match self.legs.get(&leg) {
            Some(Known::Trunk(known)) => known.talk,
            Some(Known::Agent(known)) => known.talk,
            None => None,
        };
        if let Some(citizen) = talk {
            self.leave(leg, citizen);
        }
    }

    /// Mixing begins or ends as the parties and their codecs need it.
    fn retune(&mut self, citizen: LegId) {
        let Some(talk) = self.talks.get_mut(&citizen) else { return };
        let parties = talk.members.iter().flatten().count();
        let speaks_opus = |leg: &LegId| matches!(self.legs.get(leg), Some(Known::Agent(known)) if known.codec == VoiceCodec::Opus);
        let opus = talk.members.iter().flatten().any(|(leg, _)| speaks_opus(leg));
        if parties > 2 || opus || !talk.is_plain || talk.members[1].is_none() {
            self.ensure_mixed(citizen);
        } else if talk.mixed {
            talk.mixed = false;
            let (lane, slot) = (talk.lane, talk.slot);
            self.order(lane, Order::Unmix(slot));
        }
        self.recount(citizen);
    }

    /// A talk's parties or codecs have changed, and so has what it costs.
    fn recount(&mut self, citizen: LegId) {
        let Some(talk) = self.talks.get_mut(&citizen) else { return };
        let legs = talk.members.iter().flatten();
        let admitted = legs.clone().filter(|(leg, _)| matches!(self.legs.get(leg), Some(Known::Trunk(known)) if known.admitted));
        let cost = budget::talk(legs.clone().count(), admitted.count(), talk.mixed);
        self.parts.lanes[talk.lane].budget.change(std::mem::replace(&mut talk.cost, cost), cost);
    }

    fn ensure_mixed(&mut self, citizen: LegId) {
        let Some(talk) = self.talks.get(&citizen).filter(|talk| !talk.mixed) else { return };
        let (lane, slot, members) = (talk.lane, talk.slot, talk.members);
        let Some(mix) = self.make_mix(&members) else { return };
        if let Some(talk) = self.talks.get_mut(&citizen) {
            talk.mixed = true;
        }
        self.order(lane, Order::Mix(slot, mix));
    }

    fn make_mix(&self, members: &[Option<(LegId, Part)>; MAX_MEMBERS]) -> Option<Box<Mix>> {
        let mut seats: [Option<Box<Seat>>; MAX_MEMBERS] = Default::default();
        for (seat, member) in seats.iter_mut().zip(members) {
            if let Some((leg, part)) = member {
                *seat = Some(self.make_seat(*leg, *part)?);
            }
        }
        Some(Box::new(Mix::new(seats)))
    }

    fn make_seat(&self, leg: LegId, part: Part) -> Option<Box<Seat>> {
        let seat = match self.legs.get(&leg)? {
            Known::Trunk(_) => Seat::of_trunk(part),
            Known::Agent(known) => Seat::of_agent(part, known.codec == VoiceCodec::Opus),
        };
        if seat.is_err() {
            tracing::error!("the codec library gives no coder: a talk is not mixed");
        }
        seat.ok().map(Box::new)
    }

    /// A leg's link asks for another way of sending.
    fn send_as(&mut self, leg: LegId, wish: Wish) {
        let Some(Known::Agent(known)) = self.legs.get(&leg) else { return };
        let (lane, slot) = (known.lane, known.slot);
        let begins_opus = known.codec != VoiceCodec::Opus && wish.codec == VoiceCodec::Opus;
        if begins_opus && !self.has_time(lane, budget::OPUS + budget::talk(2, 1, true)) {
            // One voice that is heard with gaps is better than all of them; the link asks again while it stays bad.
            self.parts.counters.refused_opus.bump();
            return self.order(lane, Order::StayPcma(slot));
        }
        let Some(Known::Agent(known)) = self.legs.get_mut(&leg) else { return };
        let cost = cost_of_agent(known);
        let before = std::mem::replace(&mut known.codec, wish.codec);
        self.parts.lanes[lane].budget.change(cost, cost_of_agent(known));
        let talk = known.talk;
        let order = VoiceInput::SendAs { leg, codec: wish.codec, expected_loss_percent: wish.from_agent_percent };
        self.parts.inbox.send(Input::Voice(order));
        let Some(citizen) = talk.filter(|_| before != wish.codec) else { return };
        tracing::info!(leg = leg.0, codec = ?wish.codec, "an agent's voice changes its codec");
        self.change_coder(leg, citizen, lane);
        self.retune(citizen);
    }

    /// In a talk that is mixed already the agent's place is made anew, with the coder that is wanted now.
    fn change_coder(&mut self, leg: LegId, citizen: LegId, lane: usize) {
        let Some(talk) = self.talks.get(&citizen).filter(|talk| talk.mixed) else { return };
        let slot = talk.slot;
        let Some(place) = talk.members.iter().position(|member| member.is_some_and(|(member, _)| member == leg)) else { return };
        let Some(Known::Agent(known)) = self.legs.get(&leg) else { return };
        match Seat::coder(known.codec == VoiceCodec::Opus) {
            Ok(coder) => self.order(lane, Order::Recode(slot, place as u8, coder)),
            Err(error) => tracing::error!(%error, "the codec library gives no coder: an agent's voice stays as it is"),
        }
    }

    fn agent_voice(&mut self, leg: LegId, opus: bool, muted: bool) {
        let Some(Known::Agent(known)) = self.legs.get_mut(&leg) else { return };
        known.speaks_opus = opus;
        let (lane, slot) = (known.lane, known.slot);
        self.order(lane, Order::Muted(slot, muted));
        self.order(lane, Order::SpeaksOpus(slot, opus));
    }

    fn close(&mut self, leg: LegId) {
        self.withdraw(leg);
        match self.legs.remove(&leg) {
            Some(Known::Trunk(KnownTrunk { lane, slot, cost, .. })) => {
                self.parts.lanes[lane].budget.change(cost, 0);
                self.order(lane, Order::Keep(slot, None));
                self.order(lane, Order::RemoveTrunk(slot));
            }
            Some(Known::Agent(known)) => {
                self.parts.lanes[known.lane].budget.change(cost_of_agent(&known), 0);
                self.order(known.lane, Order::RemoveAgent(known.slot));
            }
            None => {}
        }
    }
}

fn cost_of_trunk(admitted: bool, agreement: &Agreement) -> Cost {
    let opus = if matches!(agreement.format, Format::Opus(..)) { budget::OPUS } else { 0 };
    if admitted { budget::CALL + opus } else { opus }
}

/// An agent whose link needs Opus has it from the first word of the next talk on.
fn cost_of_agent(known: &KnownAgent) -> Cost {
    if known.codec == VoiceCodec::Opus { budget::OPUS } else { 0 }
}

fn random() -> Result<(u32, u64), getrandom::Error> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes)?;
    let [a, b, c, d, rest @ ..] = bytes;
    Ok((u32::from_ne_bytes([a, b, c, d]), u64::from_ne_bytes(rest)))
}

fn health(figures: &Figures) -> TalkHealth {
    TalkHealth { citizen: figures.citizen, agent: figures.agent, troubles: figures.troubles.list() }
}

fn measured(recording: RecordingId, totals: &Totals) -> TalkMeasured {
    let leg = |(mean, worst_score_hundredths)| LegMeasured { mean, worst_score_hundredths };
    TalkMeasured {
        recording,
        talk_ms: totals.talk_us / 1_000,
        citizen: leg(totals.citizen.measured()),
        agent: leg(totals.agent.measured()),
        troubles: totals.troubles.list(),
    }
}
