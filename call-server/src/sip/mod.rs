//! The SIP edge: a thin skin of sockets and timers over `sip-core`. It knows trunks and legs, never agents or queues.
//!
//! One task owns one UDP socket and the endpoint (RFC 3261); it never waits for the switchboard's decisions, nor for a slow peer.

mod counters;
mod destination;
mod edge;
mod location;
mod refusal;
mod strangers;
#[cfg(test)]
mod tests;

pub(crate) use counters::SipCounts;
pub(crate) use destination::{Destination, Transport};
pub(crate) use location::{LocateError, Locator};

use crate::switchboard::Inbox;
use call_core::command::SipCommand;
use counters::{Counter, Counters};
use shared::model::TrunkId;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most commands that may wait for the edge's task.
const COMMAND_LIMIT: usize = 65_536;
/// Receive buffer asked of the kernel, in bytes: the usual 212 kB overflows in bursts of INVITEs. The kernel may give less.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// What the edge needs to know, resolved from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct SipSettings {
    /// UDP address to listen on.
    pub(crate) listen: SocketAddr,
    /// Host that stands in our Via and Contact.
    pub(crate) advertise: IpAddr,
    /// Who may call in.
    pub(crate) trunks: Vec<TrunkSettings>,
    /// The DNS server that is asked where others are; those of the system if absent.
    pub(crate) name_server: Option<SocketAddr>,
}

impl SipSettings {
    /// The transports that we can send over, best first.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        vec![Transport::Udp]
    }
}

/// One trunk.
#[derive(Debug, Clone)]
pub(crate) struct TrunkSettings {
    /// Its id.
    pub(crate) id: TrunkId,
    /// Its name, for logs.
    pub(crate) name: String,
    /// Addresses it sends from.
    pub(crate) sources: Vec<IpAddr>,
    /// Its calls are probe calls.
    pub(crate) probe: bool,
}

/// The way to the running edge. The edge stops when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct SipHandle {
    commands: mpsc::Sender<SipCommand>,
    counters: Arc<Counters>,
    local_address: SocketAddr,
}

impl SipHandle {
    /// Hands a command over; never blocks.
    pub(crate) fn send(&self, command: SipCommand) {
        if self.commands.try_send(command).is_err() {
            self.counters.add(Counter::LostCommand);
            tracing::warn!(limit = COMMAND_LIMIT, "the SIP edge is overloaded or gone: a command is lost");
        }
    }

    /// The address it listens on; its port is the system's choice if port 0 was asked for.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// What has happened since the start.
    pub(crate) fn counters(&self) -> SipCounts {
        self.counters.snapshot()
    }
}

/// Binds the socket and starts the edge on the current tokio runtime.
///
/// # Errors
/// The address is busy or not ours, or the system has no randomness.
pub(crate) async fn start(settings: SipSettings, inbox: Inbox) -> std::io::Result<SipHandle> {
    let socket = std::net::UdpSocket::bind(settings.listen)?;
    socket.set_nonblocking(true)?;
    if let Err(error) = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES) {
        tracing::info!(%error, "the kernel keeps its own size of the SIP receive buffer");
    }
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    socket.writable().await?;
    let local_address = socket.local_addr()?;
    let (commands, queue) = mpsc::channel(COMMAND_LIMIT);
    let counters = Arc::new(Counters::default());
    let edge = edge::Edge::new(socket, &settings, inbox, counters.clone(), seed()?);
    tracing::info!(address = %local_address, advertised = %settings.advertise, trunks = settings.trunks.len(), "SIP is listening");
    tokio::spawn(edge.run(queue));
    Ok(SipHandle { commands, counters, local_address })
}

fn seed() -> std::io::Result<sip_core::Seed> {
    let halves = [getrandom::u64(), getrandom::u64()];
    match halves {
        [Ok(first), Ok(second)] => Ok(sip_core::Seed([first, second])),
        [Err(error), _] | [_, Err(error)] => Err(std::io::Error::other(error.to_string())),
    }
}
