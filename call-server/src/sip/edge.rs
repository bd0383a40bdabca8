//! The task between the wires and the endpoints: packets, commands and time in; packets and inputs out.
//!
//! Each listener has an endpoint of its own: its transport stands in Via and Contact, so everything that belongs to a call comes back over it.
//! The task never waits for a far side, nor for the core's decisions.

mod carriers;
mod house;
mod keys;
mod origins;

pub(super) use carriers::CarrierOrder;
pub(super) use house::HouseOrder;

use super::connection::{ConnectionKey, Why};
use super::counters::{Counter, Counters};
use super::legs::Legs;
use super::location::Locator;
use super::masking::{Masked, Numbers};
use super::rates::Rates;
use super::refusal::{self, Reason};
use super::registrar::Registrar;
use super::scanners::{Verdict, Watch};
use super::strangers::Refusals;
use super::trace::{Traces, call_id};
use super::trunks::{Lines, as_seen};
use super::unacknowledged::Unacknowledged;
use super::wires::{Accepted, Arrival, Sent, Wires};
use super::{Order, SipSettings, TrunkSettings};
use crate::switchboard::Inbox;
use bytes::Bytes;
use call_core::Input;
use call_core::command::{SessionText, SipCommand};
use call_core::input::CallOffered;
use shared::model::{AreaCode, Caller, LegId, PhoneNumber, TrunkId, UnixMillis};
use sip_core::message::stream::Frame;
use sip_core::message::{self, MAX_PACKET_BYTES, Message, Method, Name, ParseError, Rejected, Request, Via};
use sip_core::sdp::Direction;
use sip_core::{Ending, Endpoint, Event, Limits, Receipt, Seed, SessionEvent, Settings, identity};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Pause after a socket failed to give a packet, so that a lasting failure does not burn a processor.
const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// Most orders that are carried out before packets leave and others come in.
const ORDERS_IN_A_TURN: usize = 256;
/// Most datagrams that are read before the core hears of them and answers leave.
const DATAGRAMS_IN_A_TURN: usize = 32;
/// How long the task sleeps when nothing is due; any value will do.
const IDLE: Duration = Duration::from_secs(3_600);

/// What is known of a source that may call in.
#[derive(Debug, Clone, Copy)]
struct Source {
    trunk: TrunkId,
    probe: bool,
    /// For those that the name service told; those of the configuration stay.
    until: Option<u64>,
}

/// The edge's state; lives in one task.
pub(super) struct Edge {
    wires: Wires,
    /// The endpoint of each path: the place in it is the listener's place in the settings.
    endpoints: Vec<Endpoint>,
    legs: Legs,
    sources: BTreeMap<IpAddr, Source>,
    lines: Lines,
    registrar: Registrar,
    traces: Traces,
    keys_out: keys::KeysOut,
    locator: Locator,
    /// The way back for what others do for the edge; it does not keep the edge alive.
    orders: mpsc::WeakSender<Order>,
    watch: Watch,
    refusals: Refusals,
    rates: Rates,
    unacknowledged: Unacknowledged,
    numbers: Numbers,
    /// Completes a caller's fixed number.
    home: Option<AreaCode>,
    inbox: Inbox,
    counters: Arc<Counters>,
    started: Instant,
}

/// What the task was woken by.
enum Woken {
    Arrival(Arrival),
    Order(Option<Order>),
    Deadline,
}

impl Edge {
    /// `seeds` gives one seed for each path.
    pub(super) fn new(
        wires: Wires,
        settings: &SipSettings,
        inbox: Inbox,
        counters: Arc<Counters>,
        orders: mpsc::WeakSender<Order>,
        secret: [u8; 32],
        mut seeds: impl Iterator<Item = Seed>,
    ) -> Self {
        let has_phones = !settings.phones.networks.is_empty();
        let paths = wires.listening().zip(settings.listeners());
        let endpoints = paths.filter_map(|((transport, bound), listener)| {
            let contact = SocketAddr::new(listener.advertise, bound.port());
            let session_s = Some(settings.limits.session_s);
            let machine = Settings { transport: transport.machine(), session_s, registrar: has_phones, ..Settings::default() };
            Some(Endpoint::with_settings(contact, Limits::default(), machine, seeds.next()?))
        });
        let limits = &settings.limits;
        Self {
            endpoints: endpoints.collect(),
            wires,
            legs: Legs::default(),
            sources: settings.trunks.iter().flat_map(sources).collect(),
            lines: Lines::new(&settings.trunks, settings.advertise),
            traces: Traces::default(),
            keys_out: keys::KeysOut::default(),
            registrar: Registrar::new(settings.phones.clone(), secret),
            locator: Locator::new(&settings.transports(), settings.name_server),
            orders,
            watch: Watch::new(limits),
            refusals: Refusals::new(limits.waiting_refusals),
            rates: Rates::new(limits.trunk_requests_per_s, limits.trunk_burst),
            unacknowledged: Unacknowledged::new(limits.unacknowledged_per_address),
            numbers: settings.numbers,
            home: settings.home.clone(),
            inbox,
            counters,
            started: Instant::now(),
        }
    }

    /// Runs until every [`super::SipHandle`] is gone.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut buffer = vec![0; MAX_PACKET_BYTES];
        loop {
            let deadline = self.deadline();
            let woken = tokio::select! {
                arrival = self.wires.next(&mut buffer) => Woken::Arrival(arrival),
                order = orders.recv() => Woken::Order(order),
                () = tokio::time::sleep_until(deadline) => Woken::Deadline,
            };
            match woken {
                Woken::Arrival(Arrival::Trouble(error)) => {
                    tracing::debug!(%error, "a SIP socket gave no packet");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
                Woken::Arrival(arrival) => {
                    self.arrived(arrival, &buffer);
                    self.take_waiting(&mut buffer);
                }
                Woken::Order(Some(order)) => self.obey(order),
                Woken::Order(None) => return,
                Woken::Deadline => {}
            }
            let now = self.now();
            self.endpoints.iter_mut().for_each(|endpoint| endpoint.handle_timeout(now));
            self.tend_lines(now);
            self.keep_phones(now);
            if self.tell() {
                // The core shares this thread: what it says to that leaves together, and a 100 is spared.
                step_aside().await;
            }
            std::iter::from_fn(|| orders.try_recv().ok()).take(ORDERS_IN_A_TURN).for_each(|order| self.obey(order));
            // What the orders themselves have made happen.
            self.tell();
            self.transmit();
            self.count();
        }
    }

    /// What else waits in the sockets: all of it is told to the core together.
    fn take_waiting(&mut self, buffer: &mut [u8]) {
        for _ in 1..DATAGRAMS_IN_A_TURN {
            let Some(arrival) = self.wires.waiting(buffer) else { return };
            self.arrived(arrival, buffer);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Instant {
        let due = self.endpoints.iter().filter_map(Endpoint::next_deadline);
        let due = due.chain(self.refusals.next_deadline()).chain(self.lines.next_deadline()).chain(self.registrar.next_deadline()).min();
        due.map_or_else(|| Instant::now() + IDLE, |deadline_ms| self.started + Duration::from_millis(deadline_ms))
    }

    fn arrived(&mut self, arrival: Arrival, buffer: &[u8]) {
        match arrival {
            Arrival::Datagram { path, source, length } => self.datagram(path, source, buffer.get(..length).unwrap_or_default()),
            Arrival::Accepted(accepted) => self.connected(accepted),
            Arrival::Frame { key, frame } => self.frame(key, frame),
            Arrival::Closed { key, why } => self.disconnected(key, why),
            // Met where it can be waited out.
            Arrival::Trouble(_) => {}
        }
    }

    fn datagram(&mut self, path: usize, source: SocketAddr, datagram: &[u8]) {
        self.counters.add(Counter::Received);
        if !self.is_known(source) && self.is_ignored(source) {
            return;
        }
        self.trace("in", path, source, datagram);
        let packet = if self.is_translated(source, datagram) { as_seen(datagram, source).into() } else { Bytes::copy_from_slice(datagram) };
        match message::parse(packet) {
            Ok(message) => self.message(path, source, message),
            Err(ParseError::KeepAlive) => {}
            Err(ParseError::Unusable(fault)) => self.malformed(path, source, &fault, None),
            Err(ParseError::Answerable(rejected)) => self.malformed(path, source, &rejected.fault, Some(&rejected)),
        }
    }

    /// Whether its sender may be mistaken about its own address. What a phone registers is kept as it wrote it: it must find its own Contact
    /// in the answer.
    fn is_translated(&self, source: SocketAddr, datagram: &[u8]) -> bool {
        match self.trunk_at(source.ip()) {
            Some(known) => self.lines.is_behind_nat(known.trunk),
            None => self.registrar.covers(source.ip()) && !datagram.starts_with(b"REGISTER "),
        }
    }

    fn connected(&mut self, accepted: Accepted) {
        let remote = accepted.remote;
        let is_known = self.is_known(remote);
        if !is_known && self.is_ignored(remote) {
            return;
        }
        if !self.wires.admit(accepted, is_known) && !is_known {
            self.offended(remote);
        }
    }

    fn frame(&mut self, key: ConnectionKey, frame: Frame) {
        // What came before the connection was let go still waits in the queue.
        if !self.wires.is_current(key) {
            return;
        }
        let (path, source) = (key.path, key.remote);
        self.counters.add(Counter::Received);
        match frame {
            Frame::Message(message) => {
                self.trace("in", path, source, message.packet());
                if let Message::Request(request) = &message
                    && let Some(named) = sent_by(request)
                {
                    self.wires.learn_alias(key, named);
                }
                self.message(path, source, message);
            }
            Frame::Refused(rejected) => self.malformed(path, source, &rejected.fault, Some(&rejected)),
            Frame::Ignored(fault) => self.malformed(path, source, &fault, None),
            Frame::Broken(fault, rejected) => {
                self.malformed(path, source, &fault, rejected.as_deref());
                self.transmit();
                self.wires.ended(key);
            }
            // Answered by the connection itself.
            Frame::Ping | Frame::Pong => {}
        }
    }

    fn disconnected(&mut self, key: ConnectionKey, why: Why) {
        tracing::debug!(remote = %key.remote, ?why, "a SIP connection is over");
        self.counters.add(match why {
            Why::FarSide | Why::Ours | Why::NotMade | Why::Broken => Counter::Disconnection,
            Why::Handshake => Counter::FailedHandshake,
            Why::TooSlow => Counter::SlowConnection,
            Why::Unread => Counter::SlowPeer,
        });
        let is_suspect = match why {
            Why::Handshake | Why::TooSlow | Why::Unread | Why::Broken => true,
            Why::FarSide | Why::Ours | Why::NotMade => false,
        };
        if is_suspect && !self.is_known(key.remote) {
            self.offended(key.remote);
        }
        if self.wires.ended(key) {
            let now = self.now();
            if let Some(endpoint) = self.endpoints.get_mut(key.path) {
                endpoint.unreachable(now, key.remote);
            }
            self.way_lost(key.path, key.remote);
        }
    }

    fn is_known(&self, source: SocketAddr) -> bool {
        self.trunk_at(source.ip()).is_some() || self.registrar.covers(source.ip())
    }

    fn trunk_at(&self, address: IpAddr) -> Option<Source> {
        self.sources.get(&address.to_canonical()).copied().filter(|source| source.until.is_none_or(|until| self.now() < until))
    }

    fn is_ignored(&mut self, source: SocketAddr) -> bool {
        let now = self.now();
        let is_ignored = self.watch.ignores(now, source.ip());
        if is_ignored {
            self.counters.add(Counter::IgnoredStranger);
        }
        is_ignored
    }

    fn message(&mut self, path: usize, source: SocketAddr, message: Message) {
        let now = self.now();
        match message {
            Message::Request(request) if !self.is_known(source) => self.strangers_request(path, source, &request),
            Message::Response(_) if !self.is_known(source) => self.counters.add(Counter::DroppedStranger),
            Message::Request(request) if begins_something(&request) && !self.rates.take(now, source.ip()) => {
                self.counters.add(Counter::TooManyRequests);
            }
            message @ (Message::Request(_) | Message::Response(_)) => {
                self.keep(path, source, &message);
                let Some(endpoint) = self.endpoints.get_mut(path) else { return };
                match endpoint.receive_message(now, source, message) {
                    Receipt::Message | Receipt::KeepAlive | Receipt::Malformed(_) => {}
                    Receipt::Overloaded => self.counters.add(Counter::Overloaded),
                }
            }
        }
    }

    /// Keeps a message for the trace of its call.
    fn keep(&mut self, path: usize, source: SocketAddr, message: &Message) {
        let identity = match message {
            Message::Request(request) => {
                if *request.method() == Method::Invite && request.identity().to_tag.is_empty() {
                    self.traces.begin(&request.identity().call_id);
                }
                request.identity()
            }
            Message::Response(response) => response.identity(),
        };
        if let Some((transport, _)) = self.wires.listening().nth(path) {
            self.traces.note(wall_clock(), true, (transport, source), &identity.call_id, message.packet());
        }
    }

    fn malformed(&mut self, path: usize, source: SocketAddr, fault: &message::Fault, rejected: Option<&Rejected>) {
        self.counters.add(Counter::Malformed);
        if !self.is_known(source) {
            return self.offended(source);
        }
        tracing::debug!(%source, %fault, "a trunk sent a malformed SIP packet");
        if let (Some(endpoint), Some(rejected)) = (self.endpoints.get_mut(path), rejected) {
            endpoint.reject(source, rejected);
        }
    }

    fn strangers_request(&mut self, path: usize, source: SocketAddr, request: &Request) {
        let now = self.now();
        let verdict = self.watch.judge(now, source.ip(), identity::agent(request));
        let refusal = self.endpoints.get(path).and_then(|endpoint| endpoint.refusal(source, request));
        let is_refused = match (verdict, refusal) {
            (Verdict::Refuse { after_ms }, Some((target, refusal))) => {
                self.refusals.later(now.saturating_add(after_ms), path, target, refusal)
            }
            (Verdict::Refuse { .. }, None) => false,
            (Verdict::Ignore, _) => {
                self.wires.close_from(source.ip());
                false
            }
        };
        self.counters.add(if is_refused { Counter::RefusedStranger } else { Counter::DroppedStranger });
    }

    /// A stranger did what nobody does who wants to call.
    fn offended(&mut self, source: SocketAddr) {
        let now = self.now();
        if self.watch.judge(now, source.ip(), None) == Verdict::Ignore {
            self.wires.close_from(source.ip());
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.now();
        match order {
            Order::Command(command) => self.execute(command),
            // Whoever asked may have gone away.
            Order::Banned(reply) => drop(reply.try_send(self.watch.banned(now))),
            Order::Belongs(leg, interaction) => self.traces.belongs(leg, interaction),
            Order::Trace(interaction, reply) => drop(reply.try_send(self.traces.report(interaction))),
            Order::House(order) => self.obey_house(now, order),
            Order::Carriers(order) => self.obey_carriers(now, order),
            Order::Forgive(address, reply) => drop(reply.try_send(self.watch.forgive(now, address))),
        }
    }

    fn execute(&mut self, command: SipCommand) {
        let now = self.now();
        match command {
            SipCommand::Dial(wish) => self.place(now, *wish),
            SipCommand::Offer { leg, offer } => self.offer(now, leg, &offer),
            SipCommand::Ring { leg } => self.in_endpoint(leg, |endpoint, call| endpoint.ring(now, call)),
            SipCommand::Answer { leg, answer } => {
                self.in_endpoint(leg, |endpoint, call| endpoint.answer(now, call, &answer.0));
                if let Some(call) = self.legs.call(leg) {
                    self.unacknowledged.answer(call);
                }
            }
            SipCommand::PressKeys { leg, keys } => {
                if let Some(at) = self.legs.call(leg) {
                    self.press_keys(at, &keys);
                }
            }
            SipCommand::Sound { leg, answer } => self.in_endpoint(leg, |endpoint, call| endpoint.progress(now, call, 183, &answer.0)),
            SipCommand::NotReached { leg, result } => {
                self.in_endpoint(leg, |endpoint, call| endpoint.hang_up(now, call, &refusal::farewell(Reason::NotReached(result))));
            }
            SipCommand::Refuse { leg, reason } | SipCommand::HangUp { leg, reason } if !self.give_up(now, leg) => {
                self.in_endpoint(leg, |endpoint, call| endpoint.hang_up(now, call, &refusal::farewell(Reason::Core(reason))));
            }
            SipCommand::Refuse { .. } | SipCommand::HangUp { .. } => {}
        }
    }

    fn in_endpoint(&mut self, leg: LegId, step: impl FnOnce(&mut Endpoint, sip_core::CallKey)) {
        let Some((path, call)) = self.legs.call(leg) else { return };
        if let Some(endpoint) = self.endpoints.get_mut(path) {
            step(endpoint, call);
        }
    }

    /// Tells the core what has happened; whether there was anything.
    fn tell(&mut self) -> bool {
        let mut has_told = false;
        for path in 0..self.endpoints.len() {
            while let Some(event) = self.endpoints.get_mut(path).and_then(Endpoint::poll_event) {
                self.happened(path, event);
                has_told = true;
            }
        }
        self.tell_placed() || has_told
    }

    fn count(&self) {
        let (open, of_strangers) = self.wires.open_connections();
        self.counters.set_open(open, of_strangers);
        let (calls, transactions) = self.endpoints.iter().map(Endpoint::sizes).fold((0, 0), |(calls, transactions), sizes| {
            (calls + sizes.calls, transactions + sizes.server_transactions + sizes.client_transactions)
        });
        self.counters.set_held(calls, transactions);
    }

    fn happened(&mut self, path: usize, event: Event) {
        let Some(event) = self.of_lines(path, event) else { return };
        match event {
            Event::Offered { call, source, invite } => self.offered((path, call), source, &invite),
            Event::Confirmed { call, description } => {
                self.unacknowledged.settle((path, call));
                // The ACK may bring the answer to a late offer of ours.
                self.far_described((path, call), &description);
                if let Some(leg) = self.legs.leg((path, call)) {
                    self.inbox.send(Input::LegConfirmed { leg });
                }
            }
            Event::Ended { call, ending } => self.ended((path, call), ending),
            Event::Session { call, event } => self.in_call((path, call), event),
            // Told to the lines.
            Event::Asked { request, source, message } => self.asked(path, request, source, &message),
            Event::Responded { .. } => {}
        }
    }

    fn transmit(&mut self) {
        let now = self.now();
        for (leg, (path, call)) in self.lines.take_begun() {
            if let Some(call_id) = self.endpoints.get(path).and_then(|endpoint| endpoint.call_id(call)) {
                self.traces.begin(&call_id);
                self.traces.leg(&call_id, leg);
            }
        }
        for path in 0..self.endpoints.len() {
            while let Some((target, packet)) = self.endpoints.get_mut(path).and_then(Endpoint::poll_transmit) {
                self.send(path, target, packet);
            }
        }
        while let Some((path, target, packet)) = self.refusals.poll(now) {
            self.send(path, target, packet);
        }
    }

    fn send(&mut self, path: usize, target: SocketAddr, packet: Bytes) {
        self.trace("out", path, target, &packet);
        if !self.traces.is_empty()
            && let (Some(id), Some((transport, _))) = (call_id(&packet), self.wires.listening().nth(path))
        {
            self.traces.note(wall_clock(), false, (transport, target), id, &packet);
        }
        match self.wires.send(path, target, packet) {
            Sent::Yes => {}
            Sent::No => {
                self.counters.add(Counter::Unsent);
                self.way_lost(path, target);
            }
        }
    }

    /// The one place where the text of messages may reach a log.
    fn trace(&self, direction: &'static str, path: usize, peer: SocketAddr, packet: &[u8]) {
        if tracing::enabled!(tracing::Level::TRACE) {
            let message = Masked { packet, numbers: self.numbers };
            tracing::trace!(direction, path, %peer, bytes = packet.len(), %message, "SIP message");
        }
    }

    fn offered(&mut self, call: super::legs::PathCall, source: SocketAddr, invite: &Request) {
        let Some(Source { trunk, probe, .. }) = self.trunk_at(source.ip()) else {
            return self.offered_by_phone(call, source, invite);
        };
        let Some(dialled) = self.lines.dialled(trunk, invite).and_then(|text| PhoneNumber::parse(&text).ok()) else {
            // No number at all: there is nothing that the core could look up.
            return self.refuse(call, Reason::NoNumber);
        };
        if !self.unacknowledged.enter(call, source.ip()) {
            self.counters.add(Counter::Unacknowledged);
            return self.refuse(call, Reason::Unacknowledged);
        }
        self.counters.add(Counter::Call);
        let leg: LegId = self.legs.enter(call);
        self.lines.entered(trunk, call);
        self.traces.leg(&invite.identity().call_id, leg);
        tracing::debug!(%leg, %trunk, probe, "a call arrives");
        self.inbox.send(Input::CallOffered(CallOffered {
            leg,
            trunk,
            caller: caller(invite, self.home.as_ref()),
            dialled,
            offer: offer(invite),
            probe,
            origin: self.origin(call.0, source, invite),
        }));
    }

    /// Refuses what the core need not hear of.
    fn refuse(&mut self, call: super::legs::PathCall, reason: Reason) {
        let now = self.now();
        if let Some(endpoint) = self.endpoints.get_mut(call.0) {
            endpoint.hang_up(now, call.1, &refusal::farewell(reason));
        }
    }

    /// Offers inside a call are answered by the endpoint itself; the voice follows them.
    fn in_call(&mut self, call: super::legs::PathCall, event: SessionEvent) {
        match event {
            SessionEvent::Changed { description, direction } => {
                let is_held = matches!(direction, Direction::ReceiveOnly | Direction::Inactive);
                tracing::info!(leg = ?self.legs.leg(call), is_held, "the carrier describes its voice anew");
                self.far_described(call, &description);
            }
            SessionEvent::Answered(description) => self.far_described(call, &description),
            SessionEvent::Told { body, .. } => self.key_heard(call, &body),
            SessionEvent::Informed(status) => self.key_told(call, status),
            // Of calls of ours, of transfers, and of questions that the settings keep from the edge.
            SessionEvent::Progress { .. }
            | SessionEvent::Challenged(_)
            | SessionEvent::Failed(_)
            | SessionEvent::Offered(_)
            | SessionEvent::OfferWanted
            | SessionEvent::Withdrawn
            | SessionEvent::OfferRefused(_)
            | SessionEvent::TransferAsked(_)
            | SessionEvent::TransferProgress { .. }
            | SessionEvent::TransferRefused(_)
            | SessionEvent::Replaces(_) => {}
        }
    }

    fn far_described(&mut self, call: super::legs::PathCall, description: &[u8]) {
        if let Some(leg) = self.legs.leg(call).filter(|_| !description.is_empty()) {
            let description = SessionText(String::from_utf8_lossy(description).into());
            self.inbox.send(Input::FarDescribed { leg, description });
        }
    }

    fn ended(&mut self, call: super::legs::PathCall, ending: Ending) {
        self.lines.left(call);
        self.unacknowledged.settle(call);
        self.keys_out.forget(call);
        if let Some(leg) = self.legs.leave(call) {
            tracing::debug!(%leg, ?ending, "a call is over");
            self.inbox.send(Input::LegEnded { leg, cause: refusal::leg_end(ending) });
        }
    }
}

/// Lets the other tasks of this thread go on that have something to do. tokio's `yield_now` would look at all sockets as well, which costs a
/// system call each time.
async fn step_aside() {
    let mut has_stepped = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_stepped, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn sources(trunk: &TrunkSettings) -> impl Iterator<Item = (IpAddr, Source)> {
    tracing::info!(trunk = %trunk.id, name = trunk.name, probe = trunk.probe, sources = ?trunk.sources, "trunk");
    let source = Source { trunk: trunk.id, probe: trunk.probe, until: None };
    trunk.sources.iter().map(move |address| (address.to_canonical(), source))
}

fn wall_clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    UnixMillis(i64::try_from(since).unwrap_or(i64::MAX))
}

/// Whether a request asks for something new; whatever belongs to a call is never held back.
fn begins_something(request: &Request) -> bool {
    request.identity().to_tag.is_empty() && !matches!(request.method(), Method::Ack | Method::Cancel)
}

/// Where the sender of a request says that it takes requests, if that is an address.
fn sent_by(request: &Request) -> Option<SocketAddr> {
    let via = request.head().values(Name::Via).next().and_then(Via::parse)?;
    let host = std::str::from_utf8(via.host).ok()?;
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(SocketAddr::new(address, via.port_or_default()))
}

fn caller(invite: &Request, home: Option<&AreaCode>) -> Caller {
    Caller::of_text(identity::caller(invite).as_deref(), home)
}

fn offer(invite: &Request) -> Option<SessionText> {
    let body = invite.body();
    (!body.is_empty()).then(|| SessionText(String::from_utf8_lossy(body).into()))
}
