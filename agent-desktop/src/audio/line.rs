//! The voice line of one session: one UDP socket, SRTP both ways (RFC 3711), PCMA in 20 ms packets (RFC 3551), a jitter buffer.
//!
//! Not here: pacing and sound. Everything that arrives is checked against the server's SSRC and key before it is believed.

use super::sound::Frame;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::wire::MediaAccess;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;
use voice::g711::{ALAW_SILENCE, alaw_to_linear, encode_alaw};
use voice::jitter::JitterBuffer;
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::{MASTER_BYTES, MasterKey, SrtpReceiver, SrtpSender, TAG_BYTES};
use voice::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// PCMA (RFC 3551 table 4).
const PAYLOAD_TYPE: u8 = 8;
/// Room for the largest packet that is looked at.
const RECEIVE_BYTES: usize = 2_048;
const SEND_BYTES: usize = HEADER_BYTES + FRAME_SAMPLES + TAG_BYTES;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The server's keys are not 30 bytes in base64.
    #[error("the server gave no usable voice keys")]
    Keys,
    /// The system's reason.
    #[error("the voice line cannot be opened: {0}")]
    Socket(#[from] io::Error),
}

/// What came of waiting for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Good voice of the server.
    Voice,
    /// Something else, thrown away.
    Other,
    /// Nothing within the time.
    Nothing,
    /// The socket reports an error; it may be a passing one.
    Failed,
}

/// An open line.
pub(crate) struct Line {
    socket: UdpSocket,
    sender: SrtpSender,
    receiver: SrtpReceiver,
    client_ssrc: u32,
    server_ssrc: u32,
    sequence: u16,
    first_timestamp: u32,
    jitter: JitterBuffer,
}

impl Line {
    /// Opens a socket towards the server and derives the keys. May look the host up, which can block.
    ///
    /// # Errors
    /// [`LineError`].
    pub(crate) fn open(host: &str, access: &MediaAccess) -> Result<Self, LineError> {
        let server = (host, access.port).to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the host has no address"))?;
        let local: SocketAddr = if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let socket = UdpSocket::bind(local)?;
        socket.connect(server)?;
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        Ok(Self {
            socket,
            sender: SrtpSender::new(&master(&access.client_key)?),
            receiver: SrtpReceiver::new(&master(&access.server_key)?),
            client_ssrc: access.client_ssrc,
            server_ssrc: access.server_ssrc,
            // RFC 3711 section 3.3.1: below 2^15, so that an early loss is not taken for a wrap.
            sequence: u16::from_be_bytes([random[0] & 0x7F, random[1]]),
            first_timestamp: u32::from_be_bytes([random[2], random[3], random[4], random[5]]),
            jitter: JitterBuffer::new(),
        })
    }

    /// Sends the voice of the frame that began `position` samples after the line was opened.
    pub(crate) fn send_voice(&mut self, frame: &Frame, position: u32, marker: bool) {
        let mut payload = [0; FRAME_SAMPLES];
        encode_alaw(frame, &mut payload);
        self.send(&payload, position, marker);
    }

    /// Sends a silent packet, which keeps the path open.
    pub(crate) fn send_silence(&mut self, position: u32) {
        self.send(&[ALAW_SILENCE; FRAME_SAMPLES], position, false);
    }

    fn send(&mut self, payload: &[u8; FRAME_SAMPLES], position: u32, marker: bool) {
        let mut packet = [0; SEND_BYTES];
        let header = Header {
            marker,
            payload_type: PAYLOAD_TYPE,
            sequence: self.sequence,
            timestamp: self.first_timestamp.wrapping_add(position),
            ssrc: self.client_ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let clear = HEADER_BYTES + FRAME_SAMPLES;
        packet[HEADER_BYTES..clear].copy_from_slice(payload);
        let protected = header.write(&mut packet).is_ok().then(|| self.sender.protect(&mut packet, clear).ok()).flatten();
        if let Some(length) = protected {
            // A packet that cannot be sent is a lost packet; the next one tries again.
            let _ = self.socket.send(&packet[..length]);
        }
    }

    /// Waits at most `limit` for one packet; zero looks only at what is there.
    pub(crate) fn receive(&mut self, limit: Duration, now_us: impl Fn() -> u64) -> Arrival {
        let mut packet = [0; RECEIVE_BYTES];
        let set = if limit.is_zero() {
            self.socket.set_nonblocking(true)
        } else {
            self.socket.set_nonblocking(false).and_then(|()| self.socket.set_read_timeout(Some(limit)))
        };
        match set.and_then(|()| self.socket.recv(&mut packet)) {
            Ok(length) if self.take(&mut packet[..length], now_us()) => Arrival::Voice,
            Ok(_) => Arrival::Other,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Arrival::Nothing,
                // An open set of the system's errors, such as a port unreachable while the server restarts.
                _ => Arrival::Failed,
            },
        }
    }

    /// Whether the packet is the server's.
    fn take(&mut self, packet: &mut [u8], now_us: u64) -> bool {
        if !Header::read(packet).is_ok_and(|(header, _)| header.ssrc == self.server_ssrc) {
            return false;
        }
        let Ok(length) = self.receiver.unprotect(packet) else { return false };
        let Ok(Packet { header, payload }) = Packet::read(&packet[..length]) else { return false };
        if header.payload_type == PAYLOAD_TYPE {
            let mut samples = [0; MAX_PACKET_SAMPLES];
            let count = payload.len().min(MAX_PACKET_SAMPLES);
            samples.iter_mut().zip(payload).for_each(|(sample, byte)| *sample = alaw_to_linear(*byte));
            self.jitter.insert(now_us, &header, &samples[..count]);
        }
        true
    }

    /// The next 20 ms to be heard.
    pub(crate) fn pull(&mut self, now_us: u64) -> Frame {
        self.jitter.pull(now_us)
    }

    /// Packets received and lost since the last [`Line::begin_call`].
    pub(crate) fn counts(&self) -> (u64, u64) {
        let stats = self.jitter.stats();
        (stats.received, stats.lost)
    }

    /// Forgets what was heard before: each call begins with an empty buffer.
    pub(crate) fn begin_call(&mut self) {
        self.jitter = JitterBuffer::new();
    }
}

fn master(key: &str) -> Result<MasterKey, LineError> {
    let bytes = STANDARD.decode(key).map_err(|_| LineError::Keys)?;
    <[u8; MASTER_BYTES]>::try_from(bytes).map(MasterKey).map_err(|_| LineError::Keys)
}
