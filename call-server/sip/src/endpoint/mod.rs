//! One SIP endpoint, calling and called: packets, commands and the time go in; packets and events come out (RFC 3261 section 8).
//!
//! The law: after each `receive`, command or `handle_timeout` drain `poll_transmit` and `poll_event`, then wait for a packet or for
//! `next_deadline`. It trusts whoever it hears; deciding who may be heard is its owner's work.

mod calling;
mod commands;
mod event;
mod info;
mod offers;
mod plain;
mod refresh;
mod reliable;
mod requests;
mod serving;
mod transfer;

pub use event::{
    CallKey, Ending, Event, Farewell, Invitation, Limits, OfferBy, Receipt, Reliability, Renegotiation, RequestKey, ServedKey,
    SessionEvent, Settings, Sizes,
};
pub use info::INFO_KINDS;
pub use plain::{Outgoing, Series};
pub(crate) use requests::Asked;

use crate::dialog::DialogId;
use crate::dialog::call::{AckEffect, Call, MAX_PENDING_MS, Stage, TimeoutEffect, Transfer};
use crate::dialog::talk::{Carrier, Negotiation};
use crate::message::{self, Fault, Head, Message, Method, ParseError, Rejected, Request, ResponseWriter, Writer};
use crate::random::{Names, Seed};
use crate::timer::Timers;
use crate::transaction::{Acknowledged, ClientEvent, Incoming, Outcome, Owner, Transactions, Transport};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

/// Methods that are answered with something else than 405, whatever the settings.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO";

/// The endpoint.
pub struct Endpoint {
    contact: SocketAddr,
    /// Via up to the branch, and the Contact: the same in every message.
    via: String,
    contact_field: String,
    limits: Limits,
    settings: Settings,
    names: Names,
    transactions: Transactions,
    /// Boxed: the map has room for more than it holds.
    calls: BTreeMap<CallKey, Box<Call>>,
    dialogs: BTreeMap<DialogId, CallKey>,
    timers: Timers<CallKey>,
    last_call: u64,
    last_request: u64,
    served: BTreeMap<ServedKey, Asked>,
    last_served: u64,
    events: VecDeque<Event>,
}

/// Calls hold numbers and names of citizens: only their count is shown.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}, {:?})", self.contact, self.sizes())
    }
}

impl Endpoint {
    /// `contact` is the address under which the far side reaches us; `seed` must be secret and new for each start.
    #[must_use]
    pub fn new(contact: SocketAddr, limits: Limits, seed: Seed) -> Self {
        Self::with_settings(contact, limits, Settings::default(), seed)
    }

    /// The same with other settings than the default ones.
    #[must_use]
    pub fn with_settings(contact: SocketAddr, limits: Limits, settings: Settings, seed: Seed) -> Self {
        let contact_field = match settings.transport {
            Transport::Datagram => format!("<sip:{contact}>"),
            Transport::Stream => format!("<sip:{contact};transport=tcp>"),
            Transport::Secure => format!("<sip:{contact};transport=tls>"),
        };
        Self {
            contact,
            via: format!("SIP/2.0/{} {contact};branch=", settings.transport.token()),
            contact_field,
            limits,
            settings,
            names: Names::new(seed),
            transactions: Transactions::new(limits.transactions, settings.transport),
            calls: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            timers: Timers::new(),
            last_call: 0,
            last_request: 0,
            served: BTreeMap::new(),
            last_served: 0,
            events: VecDeque::new(),
        }
    }

    /// Takes one datagram that arrived at `now` (ms) from `source`.
    pub fn receive(&mut self, now: u64, source: SocketAddr, packet: Bytes) -> Receipt {
        match message::parse(packet) {
            Ok(message) => self.receive_message(now, source, message),
            Err(ParseError::KeepAlive) => Receipt::KeepAlive,
            Err(ParseError::Unusable(fault)) => Receipt::Malformed(fault),
            Err(ParseError::Answerable(rejected)) => self.reject(source, &rejected),
        }
    }

    /// Takes one message that was parsed already: out of a stream, or to see whose it is.
    pub fn receive_message(&mut self, now: u64, source: SocketAddr, message: Message) -> Receipt {
        match message {
            Message::Request(request) => self.receive_request(now, source, *request),
            Message::Response(response) => {
                self.transactions.receive_response(now, response);
                self.drain_transactions(now);
                Receipt::Message
            }
        }
    }

    /// Answers a broken request.
    pub fn reject(&mut self, source: SocketAddr, rejected: &Rejected) -> Receipt {
        let tag = self.names.next();
        let mut writer = ResponseWriter::new(&rejected.head, source).begin(rejected.status(), Some(&tag));
        // The sender's operator should not need a packet trace to find the fault; the text is ours and constant.
        writer.field("Warning", format!("399 {} \"{}\"", self.contact, rejected.fault));
        self.transactions.transmit(message::response_target(&rejected.head, source), writer.finish());
        Receipt::Malformed(rejected.fault)
    }

    /// Packets to `peer` cannot be delivered: calls and requests that wait for a first word from there end at once.
    pub fn unreachable(&mut self, now: u64, peer: SocketAddr) {
        self.transactions.unreachable(peer);
        self.drain_transactions(now);
    }

    /// What a stranger gets for this packet: see [`Endpoint::refusal`].
    ///
    /// # Errors
    /// What is wrong with the packet, if it is no sound message; then it gets no answer.
    pub fn refusal_for_stranger(&self, source: SocketAddr, packet: Bytes) -> Result<Option<(SocketAddr, Bytes)>, Fault> {
        match message::parse(packet) {
            Ok(Message::Request(request)) => Ok(self.refusal(source, &request)),
            Ok(Message::Response(_)) | Err(ParseError::KeepAlive) => Ok(None),
            Err(ParseError::Unusable(fault)) => Err(fault),
            Err(ParseError::Answerable(rejected)) => Err(rejected.fault),
        }
    }

    /// What a stranger gets for this request: 403 and no hint of who we are. Nothing is remembered; a repetition gets the same bytes.
    /// `None` for what is not to be answered, and for a request so small that the answer would be larger.
    #[must_use]
    pub fn refusal(&self, source: SocketAddr, request: &Request) -> Option<(SocketAddr, Bytes)> {
        if *request.method() == Method::Ack {
            return None;
        }
        let identity = request.identity();
        let tag = self.names.of(&[&identity.call_id[..], &identity.from_tag, &identity.branch].concat());
        let writer = ResponseWriter::new(request.head(), source).begin(403, Some(&tag));
        // A datagram's end shows where the message ends; a stream needs to be told.
        let refusal = match self.settings.transport {
            Transport::Datagram => writer.finish_short(),
            Transport::Stream | Transport::Secure => writer.finish(),
        };
        (refusal.len() <= request.head().packet.len()).then(|| (message::response_target(request.head(), source), refusal))
    }

    /// Fires everything whose time has come.
    pub fn handle_timeout(&mut self, now: u64) {
        self.transactions.handle_timeout(now);
        self.drain_transactions(now);
        while let Some(key) = self.timers.due(now) {
            let effect = self.with_call(key, |call| call.timeout(now)).unwrap_or(TimeoutEffect::Nothing);
            self.handle_call_timeout(now, key, effect);
        }
    }

    fn handle_call_timeout(&mut self, now: u64, key: CallKey, effect: TimeoutEffect) {
        match effect {
            TimeoutEffect::Nothing => {}
            TimeoutEffect::Refuse(status, ending) => self.refuse(now, key, &Farewell { status, reason: None }, ending),
            TimeoutEffect::Resend(peer, response) => self.transactions.transmit(peer, response),
            TimeoutEffect::NoAck => {
                self.tell_end(key, Ending::NoAck);
                self.send_bye(now, key, Some("SIP;cause=408;text=\"ACK missing\""));
            }
            TimeoutEffect::CallingTooLong => {
                self.tell_end(key, Ending::NotAnswered);
                self.cancel_now(now, key);
            }
            TimeoutEffect::Gone(ending) => self.end(now, key, ending),
            TimeoutEffect::Unanswered => self.unanswered(now, key),
            TimeoutEffect::OwingTooLong => self.leave(now, key, Ending::NotAnswered, None),
            TimeoutEffect::Retry(tag, retry) => self.retry_offer(now, key, &tag, retry),
            TimeoutEffect::Refresh => self.refresh(now, key),
            TimeoutEffect::Expired => self.expire(now, key),
        }
    }

    /// When [`Endpoint::handle_timeout`] is wanted next, in ms.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.transactions.next_deadline().into_iter().chain(self.timers.next()).min()
    }

    /// The next packet to be sent.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.transactions.poll_transmit()
    }

    /// The next event to be told.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How much is in memory.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let (server_transactions, client_transactions, timers) = self.transactions.sizes();
        Sizes {
            calls: self.calls.len(),
            dialogs: self.dialogs.len(),
            server_transactions,
            client_transactions,
            timers: timers.saturating_add(self.timers.len()),
        }
    }

    fn receive_request(&mut self, now: u64, source: SocketAddr, request: Request) -> Receipt {
        if *request.method() == Method::Ack {
            if self.transactions.acknowledge(now, &request) == Acknowledged::Dialog {
                self.acknowledge(now, &request);
            }
            return Receipt::Message;
        }
        let peer = message::response_target(request.head(), source);
        match self.transactions.begin(&request, peer) {
            Incoming::New(key) => {
                self.dispatch(now, key, source, request);
                Receipt::Message
            }
            Incoming::Repeated => Receipt::Message,
            Incoming::Full => Receipt::Overloaded,
        }
    }

    fn acknowledge(&mut self, now: u64, ack: &Request) {
        let Some(key) = self.dialogs.get(&DialogId::of_incoming(ack)).copied() else { return };
        let description = Bytes::copy_from_slice(ack.body());
        let was_offered = self
            .calls
            .get(&key)
            .is_some_and(|call| matches!(&call.party.talk.state, Negotiation::Ours(offer) if offer.carrier == Carrier::Answer));
        match self.with_call(key, |call| call.acknowledge(ack.identity().cseq)).unwrap_or(AckEffect::Nothing) {
            AckEffect::Nothing => return,
            AckEffect::Confirmed => self.events.push_back(Event::Confirmed { call: key, description }),
            AckEffect::Renegotiated if was_offered => self.tell(key, SessionEvent::Answered(description)),
            AckEffect::Renegotiated => {}
            AckEffect::MayLeave(farewell) => self.send_bye(now, key, farewell.reason),
        }
        self.with_call(key, |call| {
            if was_offered {
                call.party.talk.state = Negotiation::Stable;
            }
        });
    }

    /// What came back to our requests.
    fn drain_transactions(&mut self, now: u64) {
        while let Some(ClientEvent { owner, peer, outcome }) = self.transactions.poll_event() {
            match (owner, outcome) {
                (Owner::Nobody, _) => {}
                (Owner::Invite(call), Outcome::Response(response)) => self.invite_answered(now, call, peer, response),
                (Owner::Invite(call), Outcome::TimedOut) => self.invite_unheard(now, call),
                (Owner::ReInvite(call) | Owner::Update(call), outcome) => self.offer_answered(now, call, peer, outcome),
                (Owner::Prack(_), _) => {}
                // Whatever the answer, and if nobody answers any more: the call is gone.
                (Owner::Bye(call), _) => {
                    self.remove(now, call);
                }
                (Owner::Refer(call), outcome) => self.refer_answered(call, &outcome),
                (Owner::Info(call), outcome) => self.info_answered(call, &outcome),
                (Owner::Notify(call), outcome) => self.report_answered(call, &outcome),
                (Owner::Request(request), Outcome::Response(response)) => {
                    self.events.push_back(Event::Responded { request, response: Some(response) });
                }
                (Owner::Request(request), Outcome::TimedOut) => self.events.push_back(Event::Responded { request, response: None }),
            }
        }
    }

    fn tell(&mut self, call: CallKey, event: SessionEvent) {
        if self.calls.get(&call).is_some_and(|found| !found.is_told) {
            self.events.push_back(Event::Session { call, event });
        }
    }

    /// The Call-ID of a call.
    #[must_use]
    pub fn call_id(&self, call: CallKey) -> Option<Bytes> {
        self.calls.get(&call).map(|found| found.party.dialog.id.call_id.clone())
    }

    /// Tells the end of a call, once.
    fn tell_end(&mut self, call: CallKey, ending: Ending) {
        if self.calls.get_mut(&call).is_some_and(|found| !std::mem::replace(&mut found.is_told, true)) {
            self.events.push_back(Event::Ended { call, ending });
        }
    }

    /// Steps a call and keeps its deadline in order.
    fn with_call<R>(&mut self, key: CallKey, step: impl FnOnce(&mut Call) -> R) -> Option<R> {
        let call = self.calls.get_mut(&key)?;
        let before = call.deadline();
        let result = step(call);
        self.timers.rearm(before, call.deadline(), &key);
        Some(result)
    }

    fn insert(&mut self, mut call: Call) -> CallKey {
        self.last_call = self.last_call.saturating_add(1);
        let key = CallKey(self.last_call);
        for party in call.parties() {
            self.dialogs.insert(party.dialog.id.clone(), key);
        }
        self.timers.arm(call.deadline(), &key);
        self.calls.insert(key, Box::new(call));
        key
    }

    /// Forgets a call; what the far side still waits for in it is answered.
    fn remove(&mut self, now: u64, key: CallKey) {
        let Some(mut call) = self.calls.remove(&key) else { return };
        self.timers.disarm(call.deadline(), &key);
        let mut open: Vec<Box<Asked>> = Vec::new();
        for party in call.parties() {
            self.dialogs.remove(&party.dialog.id);
            open.extend(party.talk.close());
        }
        if let Stage::Calling(calling) = &call.stage {
            self.transactions.forget_unanswered(&calling.branch);
        }
        if let Transfer::Asked(asked, _) = call.transfer {
            open.push(asked);
        }
        for asked in open {
            self.reply(now, &asked, 487, |_| {});
        }
    }

    fn end(&mut self, now: u64, key: CallKey, ending: Ending) {
        self.tell_end(key, ending);
        self.remove(now, key);
    }

    fn via(&mut self) -> (Bytes, String) {
        let branch = [message::MAGIC_COOKIE, self.names.next().as_str()].concat();
        let via = [self.via.as_str(), &branch, ";rport"].concat();
        (branch.into(), via)
    }

    /// The URI under which this endpoint is reached, with this user; the host and port of our own if `user` is empty.
    #[must_use]
    pub fn contact_uri(&self, user: &str) -> String {
        let uri = self.contact_field.trim_start_matches('<').trim_end_matches('>');
        if user.is_empty() { uri.to_owned() } else { uri.replacen("sip:", &format!("sip:{user}@"), 1) }
    }
}

/// The deadline of an INVITE that arrives now.
fn pending_until(now: u64) -> u64 {
    now.saturating_add(MAX_PENDING_MS)
}

/// Repeats Record-Route, as every response that makes a dialog must (section 12.1.1).
fn repeat_record_route(writer: &mut Writer, head: &Head) {
    for value in head.fields(message::Name::RecordRoute) {
        writer.field("Record-Route", value);
    }
}
