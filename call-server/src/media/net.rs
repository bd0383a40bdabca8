//! The only place of the media edge that touches sockets: UDP, epoll and the eventfd that wakes the thread.

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, recvfrom, send, sendto, socket_with};
use rustix::time::Timespec;
use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use voice::MAX_PACKET_SAMPLES;
use voice::rtp::HEADER_BYTES;
use voice::srtp::MAX_CONTROL_BYTES;

/// Longest datagram that is read whole; no packet of ours is longer than a third of it.
pub(super) const DATAGRAM_BYTES: usize = 2_048;
/// Room for the longest packet that we send: a voice packet of 60 ms with its tag, or a report.
pub(super) const OUTPUT_BYTES: usize = HEADER_BYTES + MAX_PACKET_SAMPLES + MAX_CONTROL_BYTES;
/// Sockets served between two looks at the clock.
pub(super) const EVENTS: usize = 256;
/// Wish for the agents' socket: all agents' packets of about 100 ms at 1,000 agents.
const AGENTS_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// A UDP socket that never blocks. Voice goes through the system calls themselves: the C library makes each of them a cancellation
/// point.
#[derive(Debug)]
pub(super) struct VoiceSocket(UdpSocket);

impl VoiceSocket {
    /// Binds.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &address)?;
        Ok(Self(socket.into()))
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
        let mut receive = || recvfrom(&self.0, &mut buffer[..], RecvFlags::empty());
        let (length, _, from) = match receive() {
            Err(Errno::CONNREFUSED) => receive().ok()?,
            other => other.ok()?,
        };
        Some((length, from?.try_into().ok()?))
    }

    /// The same from the one source that the socket is connected with.
    pub(super) fn receive_connected(&self, buffer: &mut [u8; DATAGRAM_BYTES]) -> Option<usize> {
        let mut receive = || recv(&self.0, &mut buffer[..], RecvFlags::empty());
        let (length, _) = match receive() {
            Err(Errno::CONNREFUSED) => receive().ok()?,
            other => other.ok()?,
        };
        Some(length)
    }

    /// The same socket for another thread.
    pub(super) fn share(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// From now on the system itself refuses other sources.
    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        self.0.connect(address)
    }

    /// From now on every source is heard again.
    pub(super) fn disconnect(&self) -> io::Result<()> {
        Ok(rustix::net::connect_unspec(&self.0)?)
    }

    /// Sends on a connected socket; whether the system took it. An error that an earlier packet left behind is passed over.
    pub(super) fn send(&self, packet: &[u8]) -> bool {
        match send(&self.0, packet, SendFlags::empty()) {
            Err(Errno::CONNREFUSED) => send(&self.0, packet, SendFlags::empty()).is_ok(),
            other => other.is_ok(),
        }
    }

    /// Sends; whether the system took it.
    pub(super) fn send_to(&self, packet: &[u8], address: SocketAddr) -> bool {
        sendto(&self.0, packet, SendFlags::empty(), &address).is_ok()
    }
}

/// What has something to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Orders, or packets that another thread has read.
    Wake,
    /// The agents' socket.
    Agents,
    /// Packets through the WebSocket.
    Tunnel,
    /// A trunk leg's voice.
    Trunk(u16),
    /// A trunk leg's reports.
    TrunkReports(u16),
}

const REPORTS: u64 = 1 << 32;

impl Token {
    fn number(self) -> u64 {
        match self {
            Self::Wake => u64::MAX,
            Self::Agents => u64::MAX - 1,
            Self::Tunnel => u64::MAX - 2,
            Self::Trunk(slot) => u64::from(slot),
            Self::TrunkReports(slot) => REPORTS | u64::from(slot),
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            u64::MAX => Self::Wake,
            agents if agents == u64::MAX - 1 => Self::Agents,
            tunnel if tunnel == u64::MAX - 2 => Self::Tunnel,
            reports if reports & REPORTS != 0 => Self::TrunkReports(reports as u16),
            slot => Self::Trunk(slot as u16),
        }
    }
}

/// Waits for many sockets at once.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    bell: Bell,
    ready: Vec<Token>,
}

impl Poller {
    /// A poller and what wakes it.
    pub(super) fn new() -> io::Result<(Self, Waker)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let (bell, waker) = Bell::new()?;
        let data = epoll::EventData::new_u64(Token::Wake.number());
        epoll::add(&epoll, &bell.0.strokes, data, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        Ok((Self { epoll, bell, ready: Vec::with_capacity(EVENTS) }, waker))
    }

    /// Watches a socket until it is removed.
    pub(super) fn add(&self, socket: &VoiceSocket, token: Token) -> io::Result<()> {
        self.watch(&socket.0, token)
    }

    /// Watches what is no socket.
    pub(super) fn watch(&self, source: impl AsFd, token: Token) -> io::Result<()> {
        epoll::add(&self.epoll, source, epoll::EventData::new_u64(token.number()), epoll::EventFlags::IN)?;
        Ok(())
    }

    /// Does not watch it any more.
    pub(super) fn remove(&self, socket: &VoiceSocket) {
        // One that is not watched need not be removed.
        let _ = epoll::delete(&self.epoll, &socket.0);
    }

    /// Waits until something can be read or the time is over; afterwards [`Poller::ready`] says what. Gives how many there are.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok((events, _)) => self.ready.extend(events.iter().map(|event| Token::from_number(event.data.u64()))),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.ready.len())
    }

    /// Takes one of the things that can be read.
    pub(super) fn ready(&mut self) -> Option<Token> {
        let token = self.ready.pop()?;
        if token == Token::Wake {
            self.bell.answer();
        }
        Some(token)
    }
}

/// An eventfd. Who finds it rung already does not ring; a poller watches it for edges (EPOLLET) and need not take strokes back.
#[derive(Debug)]
pub(super) struct Bell(Arc<Strokes>);

#[derive(Debug)]
struct Strokes {
    strokes: OwnedFd,
    is_rung: AtomicBool,
}

impl Bell {
    /// A bell and what rings it.
    pub(super) fn new() -> io::Result<(Self, Waker)> {
        let strokes = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let strokes = Arc::new(Strokes { strokes, is_rung: AtomicBool::new(false) });
        Ok((Self(Arc::clone(&strokes)), Waker(strokes)))
    }

    /// From now on it is rung anew; what was put down before is seen by whoever looks after this.
    pub(super) fn answer(&self) {
        self.0.is_rung.swap(false, Ordering::AcqRel);
    }

    /// Another handle on its eventfd.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        self.0.strokes.try_clone()
    }
}

/// Rings a bell from any thread.
#[derive(Debug, Clone)]
pub(super) struct Waker(Arc<Strokes>);

impl Waker {
    /// Wakes whoever waits for the bell, if it has not been rung already.
    pub(super) fn wake(&self) {
        if !self.0.is_rung.swap(true, Ordering::AcqRel) {
            // It fails only at a count that no machine reaches.
            let _ = rustix::io::write(&self.0.strokes, &1_u64.to_ne_bytes());
        }
    }
}
