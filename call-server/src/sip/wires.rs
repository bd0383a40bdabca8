//! Everything that carries packets: sockets for datagrams, listeners, and the table of connections.
//!
//! One task owns it, so nothing is locked and nothing is shared. It never waits for a far side: a connection is a task of its own behind a
//! bounded queue. Who may connect is decided by its owner.

use super::allowance::Allowance;
use super::connection::{ConnectionKey, Outlet, Told, Why, Work};
use super::counters::{Counter, Counters};
use super::destination::Transport;
use super::limits::SkinLimits;
use super::scanners::Source;
use super::sockets;
use super::{ListenerSettings, StartError};
use bytes::Bytes;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sip_core::message::stream::{End, Frame};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Pause after a failed accept: out of file descriptors, for instance, is not mended by trying faster.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that were accepted and wait for the edge's word; more stay with the kernel.
const ACCEPTED_LIMIT: usize = 16;

/// What came in.
#[derive(Debug)]
pub(super) enum Arrival {
    /// So many bytes of the buffer are a datagram.
    Datagram { path: usize, source: SocketAddr, length: usize },
    /// A datagram could not be read.
    Trouble(io::Error),
    /// Somebody connected.
    Accepted(Accepted),
    /// A connection brought something.
    Frame { key: ConnectionKey, frame: Frame },
    /// A connection is over.
    Closed { key: ConnectionKey, why: Why },
}

/// A connection that nobody has decided about yet. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) path: usize,
    pub(super) remote: SocketAddr,
    stream: TcpStream,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The kernel or a connection has it.
    Yes,
    /// It is lost: there is no way, or the way is full.
    No,
}

/// One listener.
struct Wire {
    transport: Transport,
    address: SocketAddr,
    kind: Kind,
}

enum Kind {
    Datagrams(UdpSocket),
    Connections(Option<TlsAcceptor>),
}

/// An open connection, or one that is being made.
struct Entry {
    number: u64,
    outlet: Outlet,
    is_known: bool,
    /// The address under which the far side says it takes requests (RFC 5923).
    alias: Option<SocketAddr>,
}

/// What one source has and may.
struct OfSource {
    connections: usize,
    is_known: bool,
    allowance: Allowance,
}

/// See the module.
pub(super) struct Wires {
    wires: Vec<Wire>,
    connections: BTreeMap<(usize, SocketAddr), Entry>,
    aliases: BTreeMap<(usize, SocketAddr), SocketAddr>,
    /// Connections of each source, and of all strangers together.
    by_source: BTreeMap<Source, OfSource>,
    strangers: usize,
    last_number: u64,
    told: mpsc::Receiver<(ConnectionKey, Told)>,
    teller: mpsc::Sender<(ConnectionKey, Told)>,
    accepted: mpsc::Receiver<Accepted>,
    /// Ends the listeners with this value.
    _listening: JoinSet<()>,
    client: Option<Arc<ClientConfig>>,
    /// Where the next look for datagrams begins, so that one busy socket does not silence another.
    turn: usize,
    limits: SkinLimits,
    counters: Arc<Counters>,
    /// Where connections live: their handshakes hold up nobody's call.
    workers: Handle,
}

impl Wires {
    /// Binds every listener; call it within a tokio runtime, which reads the datagrams.
    pub(super) fn open(
        listeners: &[ListenerSettings],
        client: Option<Arc<ClientConfig>>,
        limits: &SkinLimits,
        counters: Arc<Counters>,
        workers: Handle,
    ) -> Result<Self, StartError> {
        let (teller, told) = mpsc::channel(limits.arriving_messages);
        let (sender, accepted) = mpsc::channel(ACCEPTED_LIMIT);
        let mut listening = JoinSet::new();
        let mut wires = Vec::new();
        for (path, listener) in listeners.iter().enumerate() {
            let failed = |error| StartError { transport: listener.transport, address: listener.listen, error };
            let (address, kind) = match listener.transport {
                Transport::Udp => {
                    let socket = sockets::udp(listener.listen).map_err(failed)?;
                    (socket.local_addr().map_err(failed)?, Kind::Datagrams(socket))
                }
                Transport::Tcp | Transport::Tls => {
                    let _there = workers.enter();
                    let socket = sockets::tcp(listener.listen).map_err(failed)?;
                    let address = socket.local_addr().map_err(failed)?;
                    listening.spawn_on(accept(path, socket, sender.clone()), &workers);
                    (address, Kind::Connections(listener.tls.clone().map(TlsAcceptor::from)))
                }
            };
            wires.push(Wire { transport: listener.transport, address, kind });
        }
        Ok(Self {
            wires,
            connections: BTreeMap::new(),
            aliases: BTreeMap::new(),
            by_source: BTreeMap::new(),
            strangers: 0,
            last_number: 0,
            told,
            teller,
            accepted,
            _listening: listening,
            client,
            turn: 0,
            limits: *limits,
            counters,
            workers,
        })
    }

    /// Transport and bound address of each listener; its place is its path.
    pub(super) fn listening(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        self.wires.iter().map(|wire| (wire.transport, wire.address))
    }

    /// Waits until something comes in. May be dropped at any time without loss.
    pub(super) async fn next(&mut self, buffer: &mut [u8]) -> Arrival {
        let (wires, turn) = (&self.wires, &mut self.turn);
        tokio::select! {
            Some(accepted) = self.accepted.recv() => Arrival::Accepted(accepted),
            Some((key, told)) = self.told.recv() => match told {
                Told::Frame(frame) => Arrival::Frame { key, frame },
                Told::Closed(why) => Arrival::Closed { key, why },
            },
            arrival = datagram(wires, turn, buffer) => arrival,
        }
    }

    /// A datagram that is there already.
    pub(super) fn waiting(&mut self, buffer: &mut [u8]) -> Option<Arrival> {
        let first = self.turn;
        for (path, socket) in (0..self.wires.len()).filter_map(|step| socket_at(&self.wires, first, step)) {
            if let Ok((length, source)) = socket.try_recv_from(buffer) {
                self.turn = path + 1;
                return Some(Arrival::Datagram { path, source, length });
            }
        }
        None
    }

    /// Sends a packet; opens a connection for a request if there is none. Never waits.
    pub(super) fn send(&mut self, path: usize, target: SocketAddr, packet: Bytes) -> Sent {
        let Some(wire) = self.wires.get(path) else { return Sent::No };
        if let Kind::Datagrams(socket) = &wire.kind {
            return match socket.try_send_to(&packet, target) {
                Ok(_) => Sent::Yes,
                Err(error) => {
                    tracing::debug!(%target, %error, "a SIP packet was not sent");
                    Sent::No
                }
            };
        }
        let remote = self.aliases.get(&(path, target)).copied().unwrap_or(target);
        if !self.connections.contains_key(&(path, remote)) {
            // A response whose connection is gone has lost its way: whoever asked has gone, too.
            if packet.starts_with(b"SIP/2.0 ") || !self.connect(path, remote, None) {
                return Sent::No;
            }
        }
        self.offer(path, remote, packet)
    }

    fn offer(&mut self, path: usize, remote: SocketAddr, packet: Bytes) -> Sent {
        match self.connections.get(&(path, remote)) {
            Some(entry) if entry.outlet.offer(packet) => Sent::Yes,
            Some(_) => {
                tracing::info!(%remote, "a SIP peer does not read what we send: its connection is closed");
                self.counters.add(Counter::SlowPeer);
                self.close(path, remote);
                Sent::No
            }
            None => Sent::No,
        }
    }

    /// Lets a connection in, or closes it. `false` if there are too many.
    pub(super) fn admit(&mut self, accepted: Accepted, is_known: bool) -> bool {
        let Accepted { path, remote, stream } = accepted;
        if !self.has_room(remote.ip(), is_known) {
            self.counters.add(Counter::RefusedConnection);
            return false;
        }
        let Some(Kind::Connections(acceptor)) = self.wires.get(path).map(|wire| &wire.kind) else { return false };
        let acceptor = acceptor.clone();
        let work = self.enter(path, remote, End::Accepted, is_known);
        self.counters.add(Counter::Connection);
        let patience = Duration::from_millis(self.limits.handshake_ms);
        // Small messages must not wait for each other.
        let _ = stream.set_nodelay(true);
        self.workers.spawn(async move {
            match acceptor {
                None => work.serve(stream).await,
                Some(acceptor) => match timeout(patience, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => work.serve(stream).await,
                    Ok(Err(_)) | Err(_) => work.fail(Why::Handshake).await,
                },
            }
        });
        true
    }

    /// Opens a connection; `name` is what its certificate must bear. `false` if there are too many connections, or there is no TLS.
    pub(super) fn connect(&mut self, path: usize, remote: SocketAddr, name: Option<&str>) -> bool {
        let Some(wire) = self.wires.get(path) else { return false };
        let (transport, local) = (wire.transport, wire.address.ip());
        let tls = match transport {
            Transport::Udp | Transport::Tcp => None,
            Transport::Tls => match (&self.client, server_name(name, remote.ip())) {
                (Some(client), Some(name)) => Some((TlsConnector::from(Arc::clone(client)), name)),
                (None, _) | (_, None) => return false,
            },
        };
        if self.connections.len() >= self.limits.connections {
            self.counters.add(Counter::RefusedConnection);
            return false;
        }
        let work = self.enter(path, remote, End::Opened, true);
        self.counters.add(Counter::Connection);
        let (connect, handshake) = (Duration::from_millis(self.limits.connect_ms), Duration::from_millis(self.limits.handshake_ms));
        self.workers.spawn(async move {
            let Ok(Ok(stream)) = timeout(connect, dial(local, remote)).await else { return work.fail(Why::NotMade).await };
            match tls {
                None => work.serve(stream).await,
                Some((connector, name)) => match timeout(handshake, connector.connect(name, stream)).await {
                    Ok(Ok(stream)) => work.serve(stream).await,
                    Ok(Err(error)) => {
                        tracing::warn!(%remote, %error, "the TLS handshake with a SIP peer failed");
                        work.fail(Why::Handshake).await;
                    }
                    Err(_) => work.fail(Why::Handshake).await,
                },
            }
        });
        true
    }

    /// Whether there is a connection to this address, or one is being made.
    pub(super) fn is_connected(&self, path: usize, remote: SocketAddr) -> bool {
        self.connections.contains_key(&(path, remote))
    }

    /// Whether this is the connection that stands in the table, and not an older one of the same address.
    pub(super) fn is_current(&self, key: ConnectionKey) -> bool {
        self.connections.get(&(key.path, key.remote)).is_some_and(|entry| entry.number == key.number)
    }

    /// Forgets a connection that is over. `false` if it was forgotten before.
    pub(super) fn ended(&mut self, key: ConnectionKey) -> bool {
        self.is_current(key) && self.close(key.path, key.remote)
    }

    /// Lets a connection go: what waits is still written.
    pub(super) fn close(&mut self, path: usize, remote: SocketAddr) -> bool {
        let Some(entry) = self.connections.remove(&(path, remote)) else { return false };
        if let Some(alias) = entry.alias {
            self.aliases.remove(&(path, alias));
        }
        let source = Source::of(remote.ip());
        if let Some(of_source) = self.by_source.get_mut(&source) {
            of_source.connections = of_source.connections.saturating_sub(1);
        }
        self.strangers = self.strangers.saturating_sub(usize::from(!entry.is_known));
        true
    }

    /// Lets every connection of a source go.
    pub(super) fn close_from(&mut self, address: IpAddr) {
        let source = Source::of(address);
        let gone: Vec<_> = self.connections.keys().filter(|(_, remote)| Source::of(remote.ip()) == source).copied().collect();
        for (path, remote) in gone {
            self.close(path, remote);
        }
    }

    /// The far side of an accepted connection takes requests at this address of its own host, too: those go over the connection
    /// (RFC 5923 section 5, for a peer on the same address only: nobody can claim another's).
    pub(super) fn learn_alias(&mut self, key: ConnectionKey, named: SocketAddr) {
        let at = (key.path, named);
        if named == key.remote || named.ip() != key.remote.ip() || self.connections.contains_key(&at) || self.aliases.contains_key(&at) {
            return;
        }
        if let Some(entry) = self.connections.get_mut(&(key.path, key.remote)).filter(|entry| entry.alias.is_none()) {
            entry.alias = Some(named);
            self.aliases.insert(at, key.remote);
        }
    }

    /// Connections now, and those of strangers among them.
    pub(super) fn open_connections(&self) -> (usize, usize) {
        (self.connections.len(), self.strangers)
    }

    fn has_room(&self, address: IpAddr, is_known: bool) -> bool {
        let of_source = self.by_source.get(&Source::of(address)).map_or(0, |of_source| of_source.connections);
        let limits = &self.limits;
        let (most, has_place) = if is_known {
            (limits.connections_per_trunk_address, true)
        } else {
            (limits.connections_per_stranger, self.strangers < limits.stranger_connections)
        };
        self.connections.len() < limits.connections && has_place && of_source < most
    }

    fn enter(&mut self, path: usize, remote: SocketAddr, end: End, is_known: bool) -> Work {
        // The same address again: the old connection is dead, or its end has not been told yet.
        self.close(path, remote);
        self.last_number = self.last_number.saturating_add(1);
        let key = ConnectionKey { path, remote, number: self.last_number };
        let allowance = self.allowance(Source::of(remote.ip()), is_known);
        let (outlet, work) = Work::new(key, end, is_known, &self.limits, (self.teller.clone(), allowance));
        self.connections.insert((path, remote), Entry { number: key.number, outlet, is_known, alias: None });
        self.strangers += usize::from(!is_known);
        work
    }
}

impl Wires {
    /// Counts one more connection of a source. What the source has used up is remembered when it goes, so that coming again buys nothing;
    /// of too many sources those are forgotten that have no connection.
    fn allowance(&mut self, source: Source, is_known: bool) -> Allowance {
        let limits = &self.limits;
        let (per_s, burst) = if is_known {
            (limits.trunk_bytes_per_s, limits.trunk_burst_bytes)
        } else {
            (limits.stranger_bytes_per_s, limits.stranger_burst_bytes)
        };
        if self.by_source.len() >= limits.watched_sources {
            self.by_source.retain(|_, of_source| of_source.connections > 0);
        }
        let fresh = || OfSource { connections: 0, is_known, allowance: Allowance::new(per_s, burst) };
        let of_source = self.by_source.entry(source).or_insert_with(fresh);
        if of_source.is_known != is_known && of_source.connections == 0 {
            *of_source = fresh();
        }
        of_source.connections += 1;
        of_source.allowance.clone()
    }
}

async fn accept(path: usize, listener: TcpListener, accepted: mpsc::Sender<Accepted>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if accepted.send(Accepted { path, remote, stream }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a SIP connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// From the listener's own address, if it has one: a carrier knows us by it.
async fn dial(local: IpAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if !local.is_unspecified() {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn server_name(name: Option<&str>, address: IpAddr) -> Option<ServerName<'static>> {
    match name {
        Some(name) => ServerName::try_from(name.to_owned()).ok(),
        None => Some(ServerName::IpAddress(address.into())),
    }
}

/// The socket that has its turn after so many others, if datagrams come there.
fn socket_at(wires: &[Wire], turn: usize, step: usize) -> Option<(usize, &UdpSocket)> {
    let path = (turn + step) % wires.len();
    match &wires.get(path)?.kind {
        Kind::Datagrams(socket) => Some((path, socket)),
        Kind::Connections(_) => None,
    }
}

async fn datagram(wires: &[Wire], turn: &mut usize, buffer: &mut [u8]) -> Arrival {
    poll_fn(|context| {
        for (path, socket) in (0..wires.len()).filter_map(|step| socket_at(wires, *turn, step)) {
            let mut read = ReadBuf::new(buffer);
            if let Poll::Ready(result) = socket.poll_recv_from(context, &mut read) {
                *turn = path + 1;
                let length = read.filled().len();
                return Poll::Ready(match result {
                    Ok(source) => Arrival::Datagram { path, source, length },
                    Err(error) => Arrival::Trouble(error),
                });
            }
        }
        Poll::Pending
    })
    .await
}
