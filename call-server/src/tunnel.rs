//! Voice packets through the WebSocket: plain values between gateway and media, which do not know each other.
//!
//! The gateway brings packets of many connections to one media thread; each media thread hands packets to the gateway by a ring of its own.
//! No media thread ever waits or takes the lock. Not here: what the packets are, sockets.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// Longest packet: 60 ms of A-law with header and tag, or a report.
pub(crate) const PACKET_BYTES: usize = 528;
/// Packets that may wait each way: 0.3 s of 250 agents without UDP. One more is lost, as on any network.
const WAITING: usize = 4_096;

/// One packet and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TunnelPacket {
    /// The connection, by the gateway's own number.
    pub(crate) line: u64,
    length: u16,
    bytes: [u8; PACKET_BYTES],
}

impl TunnelPacket {
    /// `None` for one that is longer than any of ours.
    pub(crate) fn new(line: u64, packet: &[u8]) -> Option<Self> {
        let mut bytes = [0; PACKET_BYTES];
        bytes.get_mut(..packet.len())?.copy_from_slice(packet);
        Some(Self { line, length: packet.len() as u16, bytes })
    }

    /// The packet.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// An eventfd of which both ends are held by somebody.
#[derive(Debug, Clone)]
pub(crate) struct Bell(pub(crate) Arc<OwnedFd>);

impl Bell {
    fn new() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Wakes who listens.
    pub(crate) fn ring(&self) {
        // It fails only when the count is at its maximum: then it rings already.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    /// What rang is heard now.
    pub(crate) fn hush(&self) {
        // Only resets the count; that there is nothing to reset is no fault.
        let _ = rustix::io::read(&*self.0, &mut [0; 8]);
    }
}

/// The gateway's way in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct TunnelInlet {
    ring: Arc<Mutex<rtrb::Producer<TunnelPacket>>>,
    bell: Bell,
}

impl TunnelInlet {
    /// Hands a packet over; whether there was room.
    pub(crate) fn send(&self, packet: TunnelPacket) -> bool {
        let taken = self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(packet).is_ok();
        self.bell.ring();
        taken
    }
}

/// A media thread's way out.
#[derive(Debug)]
pub(crate) struct TunnelOutlet {
    ring: rtrb::Producer<TunnelPacket>,
    bell: Arc<UnixStream>,
}

impl TunnelOutlet {
    /// Hands a packet over; whether there was room. Never waits.
    pub(crate) fn send(&mut self, line: u64, packet: &[u8]) -> bool {
        let taken = TunnelPacket::new(line, packet).is_some_and(|packet| self.ring.push(packet).is_ok());
        // It fails only when nobody has looked for thousands of packets: then it rings already.
        let _ = (&*self.bell).write(&[1]);
        taken
    }
}

/// What the first media thread reads.
#[derive(Debug)]
pub(crate) struct TunnelInput {
    /// Packets of all connections.
    pub(crate) ring: rtrb::Consumer<TunnelPacket>,
    /// Rings when there are some.
    pub(crate) bell: Bell,
}

/// What the gateway reads.
#[derive(Debug)]
pub(crate) struct TunnelOutput {
    /// One ring for each media thread.
    pub(crate) rings: Vec<rtrb::Consumer<TunnelPacket>>,
    /// A byte comes when there is something in any of them: a socket, which an asynchronous runtime can watch.
    pub(crate) bell: UnixStream,
}

/// Media's ends.
#[derive(Debug)]
pub(crate) struct MediaTunnel {
    /// For the first thread.
    pub(crate) input: TunnelInput,
    /// One for each thread.
    pub(crate) outlets: Vec<TunnelOutlet>,
}

/// The gateway's ends.
#[derive(Debug)]
pub(crate) struct GatewayTunnel {
    /// To media.
    pub(crate) inlet: TunnelInlet,
    /// From media.
    pub(crate) output: TunnelOutput,
}

/// A tunnel for so many media threads.
///
/// # Errors
/// The system gives no eventfd or no socket.
pub(crate) fn dig(threads: usize) -> std::io::Result<(MediaTunnel, GatewayTunnel)> {
    let into = Bell::new()?;
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let near = Arc::new(near);
    let (producer, ring) = rtrb::RingBuffer::new(WAITING);
    let inlet = TunnelInlet { ring: Arc::new(Mutex::new(producer)), bell: into.clone() };
    let input = TunnelInput { ring, bell: into };
    let (mut outlets, mut rings) = (Vec::new(), Vec::new());
    for _ in 0..threads.max(1) {
        let (producer, ring) = rtrb::RingBuffer::new(WAITING);
        outlets.push(TunnelOutlet { ring: producer, bell: Arc::clone(&near) });
        rings.push(ring);
    }
    Ok((MediaTunnel { input, outlets }, GatewayTunnel { inlet, output: TunnelOutput { rings, bell: far } }))
}
