//! Transactions: what is answered once is answered again to each repetition, what is asked is repeated until it is answered
//! (RFC 3261 section 17, RFC 6026).
//!
//! Server and client of INVITE and of everything else. Not here: what a message means in a dialog, and repeating a 2xx, which
//! RFC 3261 section 13.3.1.4 gives to the dialog.

mod client;
mod invite_client;
mod invite_server;
mod key;
mod plain_server;

pub(crate) use invite_client::MAX_FORKS;
pub(crate) use key::ServerKey;

use crate::endpoint::{CallKey, RequestKey};
use crate::message::{Request, Response};
use crate::timer::Timers;
use bytes::Bytes;
use client::Client;
use invite_client::InviteClient;
use invite_server::InviteServer;
use plain_server::PlainServer;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// 100 Trying.
const TRYING: u16 = 100;

/// How packets travel, as far as the transactions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// UDP: packets get lost and are repeated.
    #[default]
    Datagram,
    /// TCP: nothing is repeated, and timers D, I, J and K are zero (RFC 3261 section 17).
    Stream,
    /// TLS: as TCP, under its own name in Via and Contact.
    Secure,
}

impl Transport {
    /// How long repetitions of the far side are waited for.
    fn wait(self, on_datagrams_ms: u64) -> u64 {
        match self {
            Self::Datagram => on_datagrams_ms,
            Self::Stream | Self::Secure => 0,
        }
    }

    /// The token in a Via.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Datagram => "UDP",
            Self::Stream => "TCP",
            Self::Secure => "TLS",
        }
    }
}

/// What a machine wants after a step: its next state (`None`: it is over), and perhaps a packet to be sent to its peer.
#[derive(Debug)]
struct Step<S> {
    next: Option<S>,
    send: Option<Bytes>,
}

impl<S> Step<S> {
    fn stay(state: S) -> Self {
        Self { next: Some(state), send: None }
    }

    fn send(state: S, packet: Bytes) -> Self {
        Self { next: Some(state), send: Some(packet) }
    }

    fn over() -> Self {
        Self { next: None, send: None }
    }

    fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Step<T> {
        Step { next: self.next.map(wrap), send: self.send }
    }
}

/// A server transaction of either kind.
#[derive(Debug)]
enum Server {
    Invite(InviteServer),
    Plain(PlainServer),
}

impl Server {
    fn deadline(&self) -> Option<u64> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Plain(machine) => machine.deadline(),
        }
    }

    fn repeated(self) -> Step<Self> {
        match self {
            Self::Invite(machine) => machine.repeated().map(Self::Invite),
            Self::Plain(machine) => machine.repeated().map(Self::Plain),
        }
    }

    fn respond(self, now: u64, status: u16, response: Bytes, transport: Transport) -> Step<Self> {
        match self {
            Self::Invite(machine) => machine.respond(now, status, response, transport).map(Self::Invite),
            Self::Plain(machine) => machine.respond(now, status, response, transport).map(Self::Plain),
        }
    }

    fn timeout(self, now: u64) -> Step<Self> {
        match self {
            Self::Invite(machine) => machine.timeout(now).map(Self::Invite),
            Self::Plain(machine) => machine.timeout(now).map(Self::Plain),
        }
    }
}

/// What a request is to the transactions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A new transaction, to be answered with [`Transactions::respond`].
    New(ServerKey),
    /// A repetition; what was answered has been sent again.
    Repeated,
    /// There are too many transactions already; nothing is remembered.
    Full,
}

/// Whose an ACK is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// It ended the wait for the ACK of a refusal.
    Transaction,
    /// No transaction's: it may acknowledge a dialog's 2xx.
    Dialog,
}

/// Who asked for a request of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The INVITE that makes a call.
    Invite(CallKey),
    /// An INVITE inside the call.
    ReInvite(CallKey),
    Update(CallKey),
    Prack(CallKey),
    Bye(CallKey),
    Refer(CallKey),
    Notify(CallKey),
    Info(CallKey),
    /// A request outside of calls.
    Request(RequestKey),
    /// Nobody waits for the answer: CANCEL, and the BYE of a call that was never told of.
    Nobody,
}

/// What became of a request of ours.
#[derive(Debug)]
pub(crate) struct ClientEvent {
    pub(crate) owner: Owner,
    /// Where the request went.
    pub(crate) peer: SocketAddr,
    pub(crate) outcome: Outcome,
}

/// See [`ClientEvent`].
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A response; final, or to an INVITE.
    Response(Box<Response>),
    /// Nobody answered for 64*T1 (timers B and F).
    TimedOut,
}

/// A client transaction of either kind.
#[derive(Debug)]
enum Asking {
    Invite(InviteClient),
    Plain(Client),
}

impl Asking {
    fn deadline(&self) -> Option<u64> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Plain(machine) => Some(machine.deadline()),
        }
    }

    /// Whether nothing at all was heard yet.
    fn is_unheard(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_unheard(),
            Self::Plain(machine) => machine.is_unheard(),
        }
    }

    fn timeout(self, now: u64) -> (Step<Self>, bool) {
        match self {
            Self::Invite(machine) => {
                let (step, gave_up) = machine.timeout(now);
                (step.map(Self::Invite), gave_up)
            }
            Self::Plain(machine) => {
                let (step, gave_up) = machine.timeout(now);
                (step.map(Self::Plain), gave_up)
            }
        }
    }
}

/// Which client transaction: branch of our Via and method.
pub(crate) type ClientKey = (Bytes, Bytes);

/// Where a machine sends, and the machine: it is there but while it takes a step.
#[derive(Debug)]
struct Entry<S> {
    peer: SocketAddr,
    machine: Option<S>,
}

/// Who asked, where the request went, and the machine: it is there but while it takes a step.
#[derive(Debug)]
struct ClientEntry {
    owner: Owner,
    peer: SocketAddr,
    machine: Option<Asking>,
}

/// All transactions of one endpoint.
#[derive(Debug)]
pub(crate) struct Transactions {
    limit: usize,
    transport: Transport,
    servers: BTreeMap<ServerKey, Entry<Server>>,
    server_timers: Timers<ServerKey>,
    clients: BTreeMap<ClientKey, ClientEntry>,
    client_timers: Timers<ClientKey>,
    outbox: VecDeque<(SocketAddr, Bytes)>,
    events: VecDeque<ClientEvent>,
}

impl Transactions {
    /// At most `limit` server and as many client transactions.
    pub(crate) fn new(limit: usize, transport: Transport) -> Self {
        Self {
            limit,
            transport,
            servers: BTreeMap::new(),
            server_timers: Timers::new(),
            clients: BTreeMap::new(),
            client_timers: Timers::new(),
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Sorts a request other than ACK; `peer` is where responses go.
    pub(crate) fn begin(&mut self, request: &Request, peer: SocketAddr) -> Incoming {
        let key = ServerKey::of(request);
        if self.servers.contains_key(&key) {
            self.step_server(&key, Server::repeated);
            return Incoming::Repeated;
        }
        if self.servers.len() >= self.limit {
            return Incoming::Full;
        }
        let machine = if *request.method() == crate::message::Method::Invite {
            Server::Invite(InviteServer::new())
        } else {
            Server::Plain(PlainServer::new())
        };
        self.servers.insert(key.clone(), Entry { peer, machine: Some(machine) });
        Incoming::New(key)
    }

    /// Whether a request of this key was seen and is not forgotten yet.
    pub(crate) fn knows(&self, key: &ServerKey) -> bool {
        self.servers.contains_key(key)
    }

    /// Takes an ACK.
    pub(crate) fn acknowledge(&mut self, now: u64, ack: &Request) -> Acknowledged {
        let key = ServerKey::of_invite(ack);
        let mut whose = Acknowledged::Dialog;
        let transport = self.transport;
        self.step_server(&key, |server| match server {
            Server::Invite(machine) => {
                let (step, acknowledged) = machine.acknowledge(now, transport);
                whose = acknowledged;
                step.map(Server::Invite)
            }
            Server::Plain(machine) => Step::stay(Server::Plain(machine)),
        });
        whose
    }

    /// Sends a response and remembers it for repetitions. Does nothing for a transaction that is over.
    pub(crate) fn respond(&mut self, now: u64, key: &ServerKey, status: u16, response: Bytes) {
        if status > TRYING {
            self.withdraw_trying(key);
        }
        let transport = self.transport;
        self.step_server(key, |server| server.respond(now, status, response, transport));
    }

    /// Sends a request of ours other than INVITE until it is answered, and tells `owner`. `false` if there are too many already; then it
    /// is sent once and forgotten.
    pub(crate) fn request(&mut self, now: u64, peer: SocketAddr, key: ClientKey, owner: Owner, packet: Bytes) -> bool {
        self.transmit(peer, packet.clone());
        let machine = Asking::Plain(Client::new(now, packet, self.transport));
        self.insert_client(key, ClientEntry { owner, peer, machine: Some(machine) })
    }

    /// Sends an INVITE of ours until something is heard, and tells `owner` of each response. `false` if there are too many already; then
    /// nothing is sent.
    pub(crate) fn invite(&mut self, now: u64, peer: SocketAddr, owner: Owner, invite: Box<Request>) -> bool {
        let packet = invite.head().packet.clone();
        let key = (Bytes::copy_from_slice(&invite.identity().branch), Bytes::from_static(b"INVITE"));
        let machine = Asking::Invite(InviteClient::new(now, invite, self.transport));
        let fits = self.insert_client(key, ClientEntry { owner, peer, machine: Some(machine) });
        if fits {
            self.transmit(peer, packet);
        }
        fits
    }

    fn insert_client(&mut self, key: ClientKey, entry: ClientEntry) -> bool {
        if self.clients.len() >= self.limit {
            return false;
        }
        self.client_timers.arm(entry.machine.as_ref().and_then(Asking::deadline), &key);
        self.clients.insert(key, entry);
        true
    }

    /// Sends the CANCEL of an INVITE; `false` if it is too early or too late for one.
    pub(crate) fn cancel(&mut self, now: u64, branch: &Bytes) -> bool {
        let found = self.clients.get(&(branch.clone(), Bytes::from_static(b"INVITE")));
        let Some((peer, packet)) = found.and_then(|entry| match &entry.machine {
            Some(Asking::Invite(machine)) => Some((entry.peer, machine.cancel()?)),
            Some(Asking::Plain(_)) | None => None,
        }) else {
            return false;
        };
        self.request(now, peer, (branch.clone(), Bytes::from_static(b"CANCEL")), Owner::Nobody, packet);
        true
    }

    /// Sends the ACK of a 2xx, and again to each repetition of it.
    pub(crate) fn acknowledge_accepted(&mut self, branch: &Bytes, tag: &[u8], target: SocketAddr, ack: Bytes) {
        self.transmit(target, ack.clone());
        self.step_client(&(branch.clone(), Bytes::from_static(b"INVITE")), |entry| match entry {
            Asking::Invite(machine) => (machine.acknowledged(tag, target, ack).map(Asking::Invite), None),
            Asking::Plain(machine) => (Step::stay(Asking::Plain(machine)), None),
        });
    }

    /// Forgets an INVITE that nobody answers although it was cancelled (section 9.1); one that was answered keeps its timers.
    pub(crate) fn forget_unanswered(&mut self, branch: &Bytes) {
        self.step_client(&(branch.clone(), Bytes::from_static(b"INVITE")), |asking| match asking {
            Asking::Invite(machine) if machine.is_open() => (Step::over(), None),
            other @ (Asking::Invite(_) | Asking::Plain(_)) => (Step::stay(other), None),
        });
    }

    /// Takes a response; one that belongs to nothing is dropped.
    pub(crate) fn receive_response(&mut self, now: u64, response: Box<Response>) {
        let identity = response.identity();
        let key = (identity.branch.clone(), Bytes::copy_from_slice(identity.method.as_bytes()));
        let transport = self.transport;
        let Some((owner, peer)) = self.clients.get(&key).map(|entry| (entry.owner, entry.peer)) else { return };
        let mut is_heard = false;
        self.step_client(&key, |asking| match asking {
            Asking::Invite(machine) => {
                let (step, heard, target) = machine.receive(now, &response, transport);
                is_heard = heard;
                (step.map(Asking::Invite), target)
            }
            Asking::Plain(machine) => {
                let (step, heard) = machine.receive(now, &response, transport);
                is_heard = heard;
                (step.map(Asking::Plain), None)
            }
        });
        if is_heard {
            self.events.push_back(ClientEvent { owner, peer, outcome: Outcome::Response(response) });
        }
    }

    /// Nothing reaches `peer` any more: whoever asked it something and heard nothing yet is told so at once, instead of after 64*T1
    /// (RFC 3261 section 17.1.4).
    pub(crate) fn unreachable(&mut self, peer: SocketAddr) {
        let is_lost = |entry: &ClientEntry| entry.peer == peer && entry.machine.as_ref().is_some_and(Asking::is_unheard);
        let lost: Vec<ClientKey> = self.clients.iter().filter(|(_, entry)| is_lost(entry)).map(|(key, _)| key.clone()).collect();
        for key in lost {
            let Some(ClientEntry { owner, peer, machine }) = self.clients.remove(&key) else { continue };
            self.client_timers.disarm(machine.as_ref().and_then(Asking::deadline), &key);
            self.events.push_back(ClientEvent { owner, peer, outcome: Outcome::TimedOut });
        }
    }

    /// Sends a packet that no transaction remembers.
    pub(crate) fn transmit(&mut self, peer: SocketAddr, packet: Bytes) {
        self.outbox.push_back((peer, packet));
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.server_timers.next().into_iter().chain(self.client_timers.next()).min()
    }

    /// Fires everything that is due.
    pub(crate) fn handle_timeout(&mut self, now: u64) {
        while let Some(key) = self.server_timers.due(now) {
            self.step_server(&key, |server| server.timeout(now));
        }
        while let Some(key) = self.client_timers.due(now) {
            let Some((owner, peer)) = self.clients.get(&key).map(|entry| (entry.owner, entry.peer)) else { return };
            let mut is_given_up = false;
            self.step_client(&key, |asking| {
                let (step, gave_up) = asking.timeout(now);
                is_given_up = gave_up;
                (step, None)
            });
            if is_given_up {
                self.events.push_back(ClientEvent { owner, peer, outcome: Outcome::TimedOut });
            }
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.outbox.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Server transactions, client transactions, armed timers.
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        (self.servers.len(), self.clients.len(), self.server_timers.len().saturating_add(self.client_timers.len()))
    }

    /// A 100 that has not left yet is not needed when better is known at once (RFC 3261 section 17.2.1): a packet less for each call.
    fn withdraw_trying(&mut self, key: &ServerKey) {
        let Some(Entry { machine: Some(Server::Invite(machine)), .. }) = self.servers.get(key) else { return };
        if self.outbox.back().is_some_and(|(_, packet)| machine.last_sent_is(TRYING, packet)) {
            self.outbox.pop_back();
        }
    }

    fn step_server(&mut self, key: &ServerKey, step: impl FnOnce(Server) -> Step<Server>) {
        let Some(entry) = self.servers.get_mut(key) else { return };
        let Some(machine) = entry.machine.take() else { return };
        let before = machine.deadline();
        let Step { next, send } = step(machine);
        self.outbox.extend(send.map(|packet| (entry.peer, packet)));
        self.server_timers.rearm(before, next.as_ref().and_then(Server::deadline), key);
        entry.machine = next;
        if entry.machine.is_none() {
            self.servers.remove(key);
        }
    }

    fn step_client(&mut self, key: &ClientKey, step: impl FnOnce(Asking) -> (Step<Asking>, Option<SocketAddr>)) {
        let Some(entry) = self.clients.get_mut(key) else { return };
        let Some(machine) = entry.machine.take() else { return };
        let before = machine.deadline();
        let (Step { next, send }, target) = step(machine);
        self.outbox.extend(send.map(|packet| (target.unwrap_or(entry.peer), packet)));
        self.client_timers.rearm(before, next.as_ref().and_then(Asking::deadline), key);
        entry.machine = next;
        if entry.machine.is_none() {
            self.clients.remove(key);
        }
    }
}
