//! Transactions over UDP: what is answered once is answered again to each repetition, what is asked is repeated until it is answered
//! (RFC 3261 section 17, RFC 6026).
//!
//! Server INVITE, server and client of everything else. Not here: what a message means in a dialog, and repeating a 2xx, which
//! RFC 3261 section 13.3.1.4 gives to the dialog.

mod client;
mod invite_server;
mod key;
mod plain_server;

pub(crate) use key::ServerKey;

use crate::message::{Request, Response};
use crate::timer::Timers;
use bytes::Bytes;
use client::Client;
use invite_server::InviteServer;
use plain_server::PlainServer;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

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

    fn respond(self, now: u64, status: u16, response: Bytes) -> Step<Self> {
        match self {
            Self::Invite(machine) => machine.respond(now, status, response).map(Self::Invite),
            Self::Plain(machine) => machine.respond(now, status, response).map(Self::Plain),
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

/// How a request of ours ended; `owner` is who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// A final response of this status arrived.
    Answered { owner: u64, status: u16 },
    /// Nobody answered for 64*T1 (timer F).
    TimedOut { owner: u64 },
}

/// Which client transaction: branch of our Via and method.
type ClientKey = (Bytes, Bytes);

/// Where a machine sends, and the machine.
#[derive(Debug)]
struct Entry<S> {
    peer: SocketAddr,
    machine: S,
}

/// All transactions of one endpoint.
#[derive(Debug)]
pub(crate) struct Transactions {
    limit: usize,
    servers: BTreeMap<ServerKey, Entry<Server>>,
    server_timers: Timers<ServerKey>,
    clients: BTreeMap<ClientKey, Entry<Client>>,
    client_timers: Timers<ClientKey>,
    outbox: VecDeque<(SocketAddr, Bytes)>,
    events: VecDeque<ClientEvent>,
}

impl Transactions {
    /// At most `limit` server and as many client transactions.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
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
        self.servers.insert(key.clone(), Entry { peer, machine });
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
        self.step_server(&key, |server| match server {
            Server::Invite(machine) => {
                let (step, acknowledged) = machine.acknowledge(now);
                whose = acknowledged;
                step.map(Server::Invite)
            }
            Server::Plain(machine) => Step::stay(Server::Plain(machine)),
        });
        whose
    }

    /// Sends a response and remembers it for repetitions. Does nothing for a transaction that is over.
    pub(crate) fn respond(&mut self, now: u64, key: &ServerKey, status: u16, response: Bytes) {
        self.step_server(key, |server| server.respond(now, status, response));
    }

    /// Sends a request of ours other than INVITE until it is answered, and tells `owner`. `false` if there are too many already; then it
    /// is sent once and forgotten.
    pub(crate) fn request(&mut self, now: u64, peer: SocketAddr, key: ClientKey, owner: u64, packet: Bytes) -> bool {
        self.transmit(peer, packet.clone());
        if self.clients.len() >= self.limit {
            return false;
        }
        let machine = Client::new(now, owner, packet);
        self.client_timers.arm(Some(machine.deadline()), &key);
        self.clients.insert(key, Entry { peer, machine });
        true
    }

    /// Takes a response; one that belongs to nothing is dropped.
    pub(crate) fn receive_response(&mut self, now: u64, response: &Response) {
        let identity = response.identity();
        let key = (identity.branch.clone(), Bytes::copy_from_slice(identity.method.as_bytes()));
        self.step_client(&key, |client| client.receive(now, response.status()));
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
            self.step_client(&key, |client| client.timeout(now));
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

    fn step_server(&mut self, key: &ServerKey, step: impl FnOnce(Server) -> Step<Server>) {
        let Some(Entry { peer, machine }) = self.servers.remove(key) else { return };
        self.server_timers.disarm(machine.deadline(), key);
        let Step { next, send } = step(machine);
        self.outbox.extend(send.map(|packet| (peer, packet)));
        if let Some(machine) = next {
            self.server_timers.arm(machine.deadline(), key);
            self.servers.insert(key.clone(), Entry { peer, machine });
        }
    }

    fn step_client(&mut self, key: &ClientKey, step: impl FnOnce(Client) -> (Step<Client>, Option<ClientEvent>)) {
        let Some(Entry { peer, machine }) = self.clients.remove(key) else { return };
        self.client_timers.disarm(Some(machine.deadline()), key);
        let (Step { next, send }, event) = step(machine);
        self.outbox.extend(send.map(|packet| (peer, packet)));
        self.events.extend(event);
        if let Some(machine) = next {
            self.client_timers.arm(Some(machine.deadline()), key);
            self.clients.insert(key.clone(), Entry { peer, machine });
        }
    }
}
