//! One SIP endpoint on the answering side: packets, commands and the time go in; packets and events come out (RFC 3261 section 8.2).
//!
//! The law: after each `receive`, command or `handle_timeout` drain `poll_transmit` and `poll_event`, then wait for a packet or for
//! `next_deadline`. It trusts whoever it hears; deciding who may be heard is its owner's work.

mod commands;
mod requests;

use crate::dialog::call::{AckEffect, Call, MAX_PENDING_MS, TimeoutEffect};
use crate::dialog::{Dialog, DialogId};
use crate::message::{self, Fault, Message, Method, ParseError, Request, ResponseWriter, Writer};
use crate::random::{Names, Seed};
use crate::timer::Timers;
use crate::transaction::{Acknowledged, ClientEvent, Incoming, Transactions};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

/// Methods that are answered with something else than 405.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// Names one call of one endpoint; counted from 1, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// Limits of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most calls at once, whatever their stage; the next INVITE gets 486.
    pub calls: usize,
    /// Most server transactions, and as many client transactions; beyond it new requests are dropped.
    pub transactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 4_000, transactions: 32_000 }
    }
}

/// What a call is ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// Final status code, 400 to 699, if the call was not answered yet.
    pub status: u16,
    /// Value of the Reason header (RFC 3326), in the refusal or the BYE.
    pub reason: Option<&'static str>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// BYE from the far side.
    ByeReceived,
    /// CANCEL before our final answer.
    CancelReceived,
    /// By [`Endpoint::hang_up`].
    AsCommanded,
    /// The ACK of a 200 never came (64*T1); a BYE was sent.
    NoAck,
    /// Nobody answered it for [`MAX_PENDING_MS`]; it was refused with 480.
    NotAnswered,
}

/// Something that happened to a call.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new call; its 100 is in the outbox.
    Offered {
        /// Its name from now on.
        call: CallKey,
        /// Where the INVITE came from.
        source: SocketAddr,
        /// The INVITE itself: see [`crate::identity`] for who calls whom, its body is the offer if there is one.
        invite: Box<Request>,
    },
    /// The ACK of our 200 came.
    Confirmed {
        /// Which call.
        call: CallKey,
        /// The ACK's body: the answer to a late offer; empty otherwise.
        description: Bytes,
    },
    /// The call is over. Exactly once per call, and its last event.
    Ended {
        /// Which call.
        call: CallKey,
        /// How.
        ending: Ending,
    },
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was a message.
    Message,
    /// Empty lines that keep a path open.
    KeepAlive,
    /// It was none, or a broken one; if possible a 400 or 505 has been sent.
    Malformed(Fault),
    /// A sound request for which there was no room; dropped.
    Overloaded,
}

/// How much is in memory: all zero when nothing is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Calls in any stage.
    pub calls: usize,
    /// Dialogs that can be found by a message.
    pub dialogs: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Armed deadlines.
    pub timers: usize,
}

/// The endpoint.
pub struct Endpoint {
    contact: SocketAddr,
    limits: Limits,
    names: Names,
    transactions: Transactions,
    calls: BTreeMap<CallKey, Call>,
    dialogs: BTreeMap<DialogId, CallKey>,
    timers: Timers<CallKey>,
    last_call: u64,
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
        Self {
            contact,
            limits,
            names: Names::new(seed),
            transactions: Transactions::new(limits.transactions),
            calls: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            timers: Timers::new(),
            last_call: 0,
            events: VecDeque::new(),
        }
    }

    /// Takes one datagram that arrived at `now` (ms) from `source`.
    pub fn receive(&mut self, now: u64, source: SocketAddr, packet: Bytes) -> Receipt {
        match message::parse(packet) {
            Ok(Message::Request(request)) => self.receive_request(now, source, *request),
            Ok(Message::Response(response)) => {
                self.transactions.receive_response(now, &response);
                self.drain_transactions();
                Receipt::Message
            }
            Err(ParseError::KeepAlive) => Receipt::KeepAlive,
            Err(ParseError::Unusable(fault)) => Receipt::Malformed(fault),
            Err(ParseError::Answerable(rejected)) => {
                let tag = self.names.next();
                let mut writer = ResponseWriter::new(&rejected.head, source).begin(rejected.status(), Some(&tag));
                // The sender's operator should not need a packet trace to find the fault; the text is ours and constant.
                writer.field("Warning", format!("399 {} \"{}\"", self.contact, rejected.fault));
                self.transactions.transmit(message::response_target(&rejected.head, source), writer.finish());
                Receipt::Malformed(rejected.fault)
            }
        }
    }

    /// What a stranger gets for this packet: 403 for a sound request, and no hint of who we are. Nothing is remembered; a repetition
    /// gets the same bytes. `None` for what is not to be answered, and for a request so small that the answer would be larger.
    ///
    /// # Errors
    /// What is wrong with the packet, if it is no sound message; then it gets no answer.
    pub fn refusal_for_stranger(&self, source: SocketAddr, packet: Bytes) -> Result<Option<(SocketAddr, Bytes)>, Fault> {
        let size = packet.len();
        let request = match message::parse(packet) {
            Ok(Message::Request(request)) if *request.method() != Method::Ack => request,
            Ok(Message::Request(_) | Message::Response(_)) | Err(ParseError::KeepAlive) => return Ok(None),
            Err(ParseError::Unusable(fault)) => return Err(fault),
            Err(ParseError::Answerable(rejected)) => return Err(rejected.fault),
        };
        let identity = request.identity();
        let tag = self.names.of(&[&identity.call_id[..], &identity.from_tag, &identity.branch].concat());
        let refusal = ResponseWriter::new(request.head(), source).begin(403, Some(&tag)).finish_short();
        Ok((refusal.len() <= size).then(|| (message::response_target(request.head(), source), refusal)))
    }

    /// Fires everything whose time has come.
    pub fn handle_timeout(&mut self, now: u64) {
        self.transactions.handle_timeout(now);
        self.drain_transactions();
        while let Some(key) = self.timers.due(now) {
            match self.with_call(key, |call| call.timeout(now)).unwrap_or(TimeoutEffect::Nothing) {
                TimeoutEffect::Nothing => {}
                TimeoutEffect::PendingTooLong => self.refuse(now, key, &Farewell { status: 480, reason: None }, Ending::NotAnswered),
                TimeoutEffect::Resend(peer, response) => self.transactions.transmit(peer, response),
                TimeoutEffect::NoAck { told } => {
                    if !told {
                        self.events.push_back(Event::Ended { call: key, ending: Ending::NoAck });
                    }
                    self.send_bye(now, key, Some("SIP;cause=408;text=\"ACK missing\""));
                }
            }
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
        match self.with_call(key, |call| call.acknowledge(ack.identity().cseq)).unwrap_or(AckEffect::Nothing) {
            AckEffect::Nothing => {}
            AckEffect::Confirmed => {
                let description = Bytes::copy_from_slice(ack.body());
                self.events.push_back(Event::Confirmed { call: key, description });
            }
            AckEffect::MayLeave(farewell) => self.send_bye(now, key, farewell.reason),
        }
    }

    /// A BYE was answered, whatever the answer, or nobody answers any more: the call is gone.
    fn drain_transactions(&mut self) {
        while let Some(event) = self.transactions.poll_event() {
            match event {
                ClientEvent::Answered { owner, .. } | ClientEvent::TimedOut { owner } => {
                    self.remove(CallKey(owner));
                }
            }
        }
    }

    /// Steps a call and keeps its deadline in order.
    fn with_call<R>(&mut self, key: CallKey, step: impl FnOnce(&mut Call) -> R) -> Option<R> {
        let call = self.calls.get_mut(&key)?;
        self.timers.disarm(call.deadline(), &key);
        let result = step(call);
        self.timers.arm(call.deadline(), &key);
        Some(result)
    }

    fn insert(&mut self, dialog: Dialog, stage: crate::dialog::call::Stage) -> CallKey {
        self.last_call = self.last_call.saturating_add(1);
        let key = CallKey(self.last_call);
        self.dialogs.insert(dialog.id.clone(), key);
        let call = Call { dialog, stage };
        self.timers.arm(call.deadline(), &key);
        self.calls.insert(key, call);
        key
    }

    fn remove(&mut self, key: CallKey) -> Option<Call> {
        let call = self.calls.remove(&key)?;
        self.timers.disarm(call.deadline(), &key);
        self.dialogs.remove(&call.dialog.id);
        Some(call)
    }

    fn end(&mut self, key: CallKey, ending: Ending) -> Option<Call> {
        let call = self.remove(key)?;
        self.events.push_back(Event::Ended { call: key, ending });
        Some(call)
    }

    fn via(&mut self) -> (Bytes, String) {
        let branch = format!("{}{}", message::MAGIC_COOKIE, self.names.next());
        let via = format!("SIP/2.0/UDP {};branch={branch};rport", self.contact);
        (branch.into(), via)
    }

    fn contact_field(&self) -> String {
        format!("<sip:{}>", self.contact)
    }
}

/// The deadline of an INVITE that arrives now.
fn pending_until(now: u64) -> u64 {
    now.saturating_add(MAX_PENDING_MS)
}

/// Repeats Record-Route, as every response that makes a dialog must (section 12.1.1).
fn repeat_record_route(writer: &mut Writer, request: &Request) {
    for value in request.head().fields(message::Name::RecordRoute) {
        writer.field("Record-Route", value);
    }
}
