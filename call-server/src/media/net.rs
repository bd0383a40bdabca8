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

/// Packets that may be left in a socket that nobody reads any more, at most: more than the system's usual buffer holds.
const MOST_LEFT: usize = 1_024;

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

    /// From now on the system refuses whatever comes, as if nobody had this port: the socket, which is bound there, is connected with itself.
    fn deafen(&self, own: SocketAddr) -> io::Result<()> {
        self.0.connect(own)
    }

    /// Throws away what came before it was deaf, and hears every source again.
    fn undeafen(&self) -> io::Result<()> {
        let mut byte = [0; 1];
        for _ in 0..MOST_LEFT {
            // Anything else is a packet, or an error that a far side's absence left behind.
            if let Err(Errno::WOULDBLOCK) = recv(&self.0, &mut byte, RecvFlags::empty()) {
                return self.disconnect();
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
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

/// The sockets of a trunk leg.
#[derive(Debug)]
pub(super) struct Pair {
    /// Where they were bound.
    pub(super) address: SocketAddr,
    /// At the address.
    pub(super) voice: VoiceSocket,
    /// For reports, if the port beside was free: they are worth having, not worth refusing a call for.
    pub(super) reports: Option<VoiceSocket>,
}

impl Pair {
    /// Binds.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let voice = VoiceSocket::bind(address)?;
        Ok(Self { address, voice, reports: beside(address).and_then(|beside| VoiceSocket::bind(beside).ok()) })
    }

    /// To be kept for another leg: until [`Self::wake`] the system refuses whatever comes. `None` if the pair is not worth it.
    pub(super) fn rest(self) -> Option<Self> {
        let is_deaf = self.voice.deafen(self.address).is_ok() && self.reports.as_ref()?.deafen(beside(self.address)?).is_ok();
        is_deaf.then_some(self)
    }

    /// As if it were bound now at this address; `None` if it is at another one, or cannot be used again. No packet of before is left in it.
    pub(super) fn wake(self, address: SocketAddr) -> Option<Self> {
        let is_awake = self.address == address && self.voice.undeafen().is_ok() && self.reports.as_ref()?.undeafen().is_ok();
        is_awake.then_some(self)
    }
}

/// Where the reports of a voice at this address are.
fn beside(address: SocketAddr) -> Option<SocketAddr> {
    Some(SocketAddr::new(address.ip(), address.port().checked_add(1)?))
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

    /// Whether a whole number of batches waits.
    pub(super) fn is_at_a_batch(&self) -> bool {
        self.ready.len().is_multiple_of(super::ahead::AT_ONCE)
    }

    /// What [`Poller::ready`] is about to give, in its order.
    pub(super) fn next(&self) -> impl Iterator<Item = Token> {
        self.ready.iter().rev().copied()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// Reached by a failing test only.
    const LIMIT: Duration = Duration::from_secs(20);

    /// A pair at two free ports, and a stranger for each of its sockets.
    fn pair(bind: IpAddr, reached: IpAddr) -> (Pair, [UdpSocket; 2]) {
        let whole = |port| Pair::bind(SocketAddr::new(bind, port)).ok().filter(|pair| pair.reports.is_some());
        let pair = (40_000..60_000).step_by(2).find_map(whole).expect("two free ports");
        let port = pair.address.port();
        let strangers = [port, port + 1].map(|port| {
            let stranger = UdpSocket::bind((reached, 0)).expect("a free port");
            stranger.connect((reached, port)).expect("an address of this machine");
            stranger.set_read_timeout(Some(LIMIT)).expect("a limit");
            stranger
        });
        (pair, strangers)
    }

    fn heard(pair: &Pair) -> [Option<usize>; 2] {
        let mut buffer = [0; DATAGRAM_BYTES];
        let reports = pair.reports.as_ref().expect("it has both");
        [&pair.voice, reports].map(|socket| socket.receive(&mut buffer).map(|(length, _)| length))
    }

    #[test]
    fn sockets_at_rest_refuse_whatever_comes_and_awake_they_hold_nothing_of_before() {
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        for (bind, reached) in [(v4, v4), (IpAddr::V4(Ipv4Addr::UNSPECIFIED), v4), (v6, v6), (IpAddr::V6(Ipv6Addr::UNSPECIFIED), v6)] {
            let (pair, strangers) = pair(bind, reached);
            // As it is left when the far side was heard last.
            pair.voice.connect(strangers[0].local_addr().expect("bound")).expect("an address of this machine");
            for stranger in &strangers {
                stranger.send(b"left").expect("sent");
            }
            let address = pair.address;
            let pair = pair.rest().expect("a whole pair");
            for stranger in &strangers {
                stranger.send(b"late").expect("sent");
                assert_eq!(stranger.recv(&mut [0; 9]).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionRefused), "at {bind}");
            }
            let pair = pair.wake(address).expect("the same address");
            assert_eq!(heard(&pair), [None; 2], "at {bind}");
            for (stranger, word) in strangers.iter().zip([&b"new"[..], b"anew"]) {
                stranger.send(word).expect("sent");
            }
            assert_eq!(heard(&pair), [Some(3), Some(4)], "at {bind}");
        }
    }

    #[test]
    fn sockets_are_not_kept_for_another_address_nor_without_those_for_reports() {
        let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (pair, _) = pair(home, home);
        let elsewhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), pair.address.port());
        assert!(pair.rest().expect("a whole pair").wake(elsewhere).is_none());
        let voice = VoiceSocket::bind(SocketAddr::new(home, 0)).expect("a free port");
        assert!(Pair { address: SocketAddr::new(home, 0), voice, reports: None }.rest().is_none());
    }
}
