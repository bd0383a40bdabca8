//! The only place of the media edge that touches sockets: UDP, epoll and the eventfd that wakes the thread.

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use shared::model::LegId;
use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Longest datagram that is read whole; no packet of ours is longer than a tenth of it.
pub(super) const DATAGRAM_BYTES: usize = 2_048;
/// Sockets served between two looks at the clock.
const EVENTS: usize = 64;
/// Wish for the agents' socket: all agents' packets of about 100 ms at 1,000 agents.
const AGENTS_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// A UDP socket that never blocks.
#[derive(Debug)]
pub(super) struct VoiceSocket(UdpSocket);

impl VoiceSocket {
    /// Binds.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Asks for buffers that hold many agents' packets; the system may give less.
    pub(super) fn enlarge_buffers(&self) {
        let receive = rustix::net::sockopt::set_socket_recv_buffer_size(&self.0, AGENTS_BUFFER_BYTES);
        let send = rustix::net::sockopt::set_socket_send_buffer_size(&self.0, AGENTS_BUFFER_BYTES);
        if receive.and(send).is_err() {
            tracing::info!("the agents' socket keeps the system's usual buffers");
        }
    }

    /// The bound port.
    pub(super) fn local_port(&self) -> io::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// The next datagram, if one is there. An error that a far side's absence left behind is passed over.
    pub(super) fn receive(&self, buffer: &mut [u8; DATAGRAM_BYTES]) -> Option<(usize, SocketAddr)> {
        match self.0.recv_from(buffer) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.0.recv_from(buffer).ok(),
            other => other.ok(),
        }
    }

    /// From now on the system itself refuses other sources.
    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        self.0.connect(address)
    }

    /// From now on every source is heard again.
    pub(super) fn disconnect(&self) -> io::Result<()> {
        Ok(rustix::net::connect_unspec(&self.0)?)
    }

    /// Sends on a connected socket; whether the system took it.
    pub(super) fn send(&self, packet: &[u8]) -> bool {
        self.0.send(packet).is_ok()
    }

    /// Sends; whether the system took it.
    pub(super) fn send_to(&self, packet: &[u8], address: SocketAddr) -> bool {
        self.0.send_to(packet, address).is_ok()
    }
}

/// What has something to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Commands.
    Wake,
    /// The agents' socket.
    Agents,
    /// A trunk leg's socket.
    Trunk(LegId),
}

impl Token {
    fn number(self) -> u64 {
        match self {
            Self::Wake => u64::MAX,
            Self::Agents => u64::MAX - 1,
            Self::Trunk(leg) => leg.0,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            u64::MAX => Self::Wake,
            agents if agents == u64::MAX - 1 => Self::Agents,
            leg => Self::Trunk(LegId(leg)),
        }
    }
}

/// Waits for many sockets at once.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    ready: Vec<Token>,
}

impl Poller {
    /// A poller and what wakes it.
    pub(super) fn new() -> io::Result<(Self, Waker)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(Token::Wake.number()), epoll::EventFlags::IN)?;
        let waker = Waker(Arc::clone(&wake));
        Ok((Self { epoll, wake, ready: Vec::with_capacity(EVENTS) }, waker))
    }

    /// Watches a socket until it is dropped.
    pub(super) fn add(&self, socket: &VoiceSocket, token: Token) -> io::Result<()> {
        epoll::add(&self.epoll, &socket.0, epoll::EventData::new_u64(token.number()), epoll::EventFlags::IN)?;
        Ok(())
    }

    /// Waits until something can be read or the time is over; afterwards [`Poller::ready`] says what.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok((events, _)) => self.ready.extend(events.iter().map(|event| Token::from_number(event.data.u64()))),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Takes one of the things that can be read.
    pub(super) fn ready(&mut self) -> Option<Token> {
        let token = self.ready.pop()?;
        if token == Token::Wake {
            // Only resets the count; that there is nothing to reset is no fault.
            let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
        }
        Some(token)
    }
}

/// Wakes the poller from any thread.
#[derive(Debug)]
pub(super) struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Makes the poller return from its wait.
    pub(super) fn wake(&self) {
        // It fails only when the count is at its maximum: then the poller is awake anyway.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}
