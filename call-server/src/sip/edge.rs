//! The task that owns the socket: datagrams, commands and time into the endpoint; packets and inputs out of it.

use super::counters::{Counter, Counters};
use super::strangers::Strangers;
use super::{SipSettings, TrunkSettings, refusal};
use crate::switchboard::Inbox;
use bytes::Bytes;
use call_core::Input;
use call_core::command::{SessionText, SipCommand};
use call_core::input::{CallOffered, LegEnd};
use shared::model::{Caller, LegId, PhoneNumber, TrunkId};
use shared::pii::Pii;
use sip_core::message::{MAX_PACKET_BYTES, Request};
use sip_core::sdp::Direction;
use sip_core::{CallKey, Ending, Endpoint, Event, Farewell, Limits, Receipt, Seed, SessionEvent, identity};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Pause after the socket failed to give a packet, so that a lasting failure does not burn a processor.
const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// How long the task sleeps when nothing is due; any value will do.
const IDLE: Duration = Duration::from_secs(3_600);

/// What is known of a source that may call in.
#[derive(Debug, Clone, Copy)]
struct Source {
    trunk: TrunkId,
    probe: bool,
}

/// The edge's state; lives in one task.
pub(super) struct Edge {
    socket: UdpSocket,
    sources: BTreeMap<IpAddr, Source>,
    endpoint: Endpoint,
    strangers: Strangers,
    /// Calls that the core knows of and has not been told the end of.
    told: BTreeSet<CallKey>,
    inbox: Inbox,
    counters: Arc<Counters>,
    started: Instant,
}

/// What the task was woken by.
enum Woken {
    Packet(std::io::Result<(usize, SocketAddr)>),
    Command(Option<SipCommand>),
    Deadline,
}

impl Edge {
    pub(super) fn new(socket: UdpSocket, settings: &SipSettings, inbox: Inbox, counters: Arc<Counters>, seed: Seed) -> Self {
        let port = socket.local_addr().map_or(settings.listen.port(), |address| address.port());
        let contact = SocketAddr::new(settings.advertise, port);
        Self {
            socket,
            sources: settings.trunks.iter().flat_map(sources).collect(),
            endpoint: Endpoint::new(contact, Limits::default(), seed),
            strangers: Strangers::default(),
            told: BTreeSet::new(),
            inbox,
            counters,
            started: Instant::now(),
        }
    }

    /// Runs until every [`super::SipHandle`] is gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<SipCommand>) {
        let mut buffer = vec![0; MAX_PACKET_BYTES];
        loop {
            let deadline = self.deadline();
            let woken = tokio::select! {
                received = self.socket.recv_from(&mut buffer) => Woken::Packet(received),
                command = commands.recv() => Woken::Command(command),
                () = tokio::time::sleep_until(deadline) => Woken::Deadline,
            };
            match woken {
                Woken::Packet(Ok((length, source))) => self.receive(source, buffer.get(..length).unwrap_or_default()),
                Woken::Packet(Err(error)) => {
                    tracing::debug!(%error, "the SIP socket gave no packet");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
                Woken::Command(Some(command)) => self.execute(command),
                Woken::Command(None) => return,
                Woken::Deadline => {}
            }
            let now = self.now();
            self.endpoint.handle_timeout(now);
            self.drain();
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Instant {
        let next = self.endpoint.next_deadline().into_iter().chain(self.strangers.next_deadline()).min();
        next.map_or_else(|| Instant::now() + IDLE, |deadline_ms| self.started + Duration::from_millis(deadline_ms))
    }

    fn receive(&mut self, source: SocketAddr, datagram: &[u8]) {
        self.counters.add(Counter::Received);
        tracing::trace!(%source, bytes = datagram.len(), "SIP packet");
        let packet = Bytes::copy_from_slice(datagram);
        if !self.sources.contains_key(&source.ip().to_canonical()) {
            return self.receive_from_stranger(source, packet);
        }
        let now = self.now();
        match self.endpoint.receive(now, source, packet) {
            Receipt::Message | Receipt::KeepAlive => {}
            Receipt::Malformed(fault) => {
                self.counters.add(Counter::Malformed);
                tracing::debug!(%source, %fault, "a trunk sent a malformed SIP packet");
            }
            Receipt::Overloaded => self.counters.add(Counter::Overloaded),
        }
    }

    fn receive_from_stranger(&mut self, source: SocketAddr, packet: Bytes) {
        let now = self.now();
        match self.endpoint.refusal_for_stranger(source, packet) {
            Ok(Some((target, refusal))) => {
                let counter =
                    if self.strangers.refuse_later(now, target, refusal) { Counter::RefusedStranger } else { Counter::DroppedStranger };
                self.counters.add(counter);
            }
            Ok(None) => self.counters.add(Counter::DroppedStranger),
            Err(_) => self.counters.add(Counter::Malformed),
        }
    }

    fn execute(&mut self, command: SipCommand) {
        let now = self.now();
        match command {
            SipCommand::Ring { leg } => self.endpoint.ring(now, CallKey(leg.0)),
            SipCommand::Answer { leg, answer } => self.endpoint.answer(now, CallKey(leg.0), &answer.0),
            SipCommand::Refuse { leg, reason } | SipCommand::HangUp { leg, reason } => {
                self.endpoint.hang_up(now, CallKey(leg.0), &refusal::farewell(reason));
            }
        }
    }

    /// Packets first: the core hears of a call after its 100 was sent. Then what the events made is sent, too.
    fn drain(&mut self) {
        self.transmit();
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Offered { call, source, invite } => self.offered(call, source, &invite),
                Event::Confirmed { call, description } => {
                    // The ACK may bring the answer to a late offer of ours.
                    self.far_described(call, &description);
                    self.inbox.send(Input::LegConfirmed { leg: LegId(call.0) });
                }
                Event::Ended { call, ending } => self.ended(call, ending),
                Event::Session { call, event } => self.in_call(call, event),
                // The edge makes no requests yet.
                Event::Responded { .. } => {}
            }
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        let now = self.now();
        while let Some((target, packet)) = self.endpoint.poll_transmit().or_else(|| self.strangers.poll(now)) {
            if let Err(error) = self.socket.try_send_to(&packet, target) {
                self.counters.add(Counter::Unsent);
                tracing::debug!(%target, %error, "a SIP packet was not sent");
            }
        }
    }

    fn offered(&mut self, call: CallKey, source: SocketAddr, invite: &Request) {
        let Some(Source { trunk, probe }) = self.sources.get(&source.ip().to_canonical()).copied() else { return };
        let leg = LegId(call.0);
        let Some(dialled) = identity::dialled(invite).and_then(|text| PhoneNumber::parse(&text).ok()) else {
            // No number at all: there is nothing that the core could look up.
            let now = self.now();
            return self.endpoint.hang_up(now, call, &Farewell { status: 404, reason: None });
        };
        self.counters.add(Counter::Call);
        self.told.insert(call);
        tracing::info!(%leg, %trunk, probe, "a call arrives");
        self.inbox.send(Input::CallOffered(CallOffered { leg, trunk, caller: caller(invite), dialled, offer: offer(invite), probe }));
    }

    /// Offers inside a call are answered by the endpoint itself; the voice follows them.
    fn in_call(&mut self, call: CallKey, event: SessionEvent) {
        match event {
            SessionEvent::Changed { description, direction } => {
                let is_held = matches!(direction, Direction::ReceiveOnly | Direction::Inactive);
                tracing::info!(leg = %LegId(call.0), is_held, "the carrier describes its voice anew");
                self.far_described(call, &description);
            }
            SessionEvent::Answered(description) => self.far_described(call, &description),
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

    fn far_described(&mut self, call: CallKey, description: &[u8]) {
        if self.told.contains(&call) && !description.is_empty() {
            let description = SessionText(String::from_utf8_lossy(description).into());
            self.inbox.send(Input::FarDescribed { leg: LegId(call.0), description });
        }
    }

    fn ended(&mut self, call: CallKey, ending: Ending) {
        if self.told.remove(&call) {
            let leg = LegId(call.0);
            tracing::info!(%leg, ?ending, "a call is over");
            self.inbox.send(Input::LegEnded { leg, cause: leg_end(ending) });
        }
    }
}

fn sources(trunk: &TrunkSettings) -> impl Iterator<Item = (IpAddr, Source)> {
    tracing::info!(trunk = %trunk.id, name = trunk.name, probe = trunk.probe, sources = ?trunk.sources, "trunk");
    let source = Source { trunk: trunk.id, probe: trunk.probe };
    trunk.sources.iter().map(move |address| (address.to_canonical(), source))
}

fn caller(invite: &Request) -> Caller {
    Caller { number: identity::caller(invite).and_then(|text| PhoneNumber::parse(&text).ok()).map(Pii::new) }
}

fn offer(invite: &Request) -> Option<SessionText> {
    let body = invite.body();
    (!body.is_empty()).then(|| SessionText(String::from_utf8_lossy(body).into()))
}

fn leg_end(ending: Ending) -> LegEnd {
    match ending {
        Ending::ByeReceived => LegEnd::ByeReceived,
        Ending::CancelReceived => LegEnd::CancelReceived,
        Ending::AsCommanded => LegEnd::AsCommanded,
        Ending::NoAck | Ending::NotAnswered | Ending::Unreachable | Ending::Expired | Ending::Refused(_) => LegEnd::Timeout,
    }
}
