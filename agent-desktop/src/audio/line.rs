//! The voice line of one session: SRTP both ways (RFC 3711, RFC 7714) by UDP or through the WebSocket, PCMA or Opus in 20 ms packets (RFC
//! 3551, RFC 7587), reports (RFC 3550), a jitter buffer.
//!
//! Not here: pacing and sound. Everything that arrives is checked against the server's SSRC and key before it is believed.

mod secrets;
mod stream;
mod ways;

use super::sound::Frame;
use super::tunnel::Tunnel;
use desktop_core::VoiceWay;
use secrets::Secrets;
use shared::model::VoiceCodec;
use shared::wire::{MediaAccess, VoiceOrder};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;
use stream::{PACKET_BYTES, Stream};
use voice::codec::Codec;
use voice::ear::Ear;
use voice::law_noise::LawNoiseFilter;
use voice::rtcp::{self, Item, ReceptionStatistics};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use ways::Ways;

/// PCMA (RFC 3551 table 4).
const PAYLOAD_TYPE: u8 = 8;
/// As the server's voice is decoded; what it expects of loss matters to encoders alone.
const OPUS: Codec = Codec::Opus { expected_loss_percent: 0 };
/// Opus counts 48,000 in a second (RFC 7587 section 4.1).
const OPUS_TICKS: u32 = 6;
/// Room for the largest packet that is looked at.
const RECEIVE_BYTES: usize = 2_048;
/// A report is sent this often.
const REPORT_US: u64 = 2_000_000;
/// Our name in reports.
const CNAME: &str = "desktop";

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The server's keys are not base64 of the right length.
    #[error("the server gave no usable voice keys")]
    Keys,
    /// The system's reason.
    #[error("the voice line cannot be opened: {0}")]
    Socket(#[from] io::Error),
    /// The library's refusal.
    #[error("the codec library is not ready: {0}")]
    Codec(#[from] voice::codec::CodecError),
}

/// What came of waiting for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A good packet of the server.
    Voice,
    /// Something else, thrown away.
    Other,
    /// Nothing within the time.
    Nothing,
    /// The socket reports an error; it may be a passing one.
    Failed,
}

/// A moment on our clock, and the same on the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// In µs.
    pub(crate) now_us: u64,
    /// Samples since the clock began, modulo 2^32.
    pub(crate) position: u32,
}

/// An open line.
pub(crate) struct Line {
    socket: UdpSocket,
    blocks: bool,
    secrets: Secrets,
    server_ssrc: u32,
    opus_type: Option<u8>,
    out: Stream,
    ear: Ear,
    /// Citizens come through G.711, however their voice is carried from the server on.
    law_noise: LawNoiseFilter,
    hears: VoiceCodec,
    reception: ReceptionStatistics,
    ways: Ways,
    report_at_us: u64,
}

impl Line {
    /// Opens a socket towards the server and derives the keys. May look the host up, which can block.
    ///
    /// # Errors
    /// [`LineError`].
    pub(crate) fn open(host: &str, access: &MediaAccess, now_us: u64) -> Result<Self, LineError> {
        let server = (host, access.port).to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the host has no address"))?;
        let local: SocketAddr = if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let socket = UdpSocket::bind(local)?;
        socket.connect(server)?;
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let opus_type = access.options.as_ref().map(|options| options.opus_payload_type);
        Ok(Self {
            socket,
            blocks: true,
            secrets: Secrets::new(access)?,
            server_ssrc: access.server_ssrc,
            opus_type,
            out: Stream::new(access.client_ssrc, opus_type, random),
            ear: Ear::new(Codec::Pcma)?,
            law_noise: LawNoiseFilter::default(),
            hears: VoiceCodec::Pcma,
            reception: ReceptionStatistics::new(8),
            ways: Ways::new(now_us),
            report_at_us: now_us + REPORT_US,
        })
    }

    /// Sends the voice of a frame that began at `moment`.
    pub(crate) fn send_voice(&mut self, tunnel: &Tunnel, moment: Moment, frame: &Frame, marker: bool) {
        let mut packet = [0; PACKET_BYTES];
        let length = self.out.write_voice(&mut packet, frame, moment.position, marker);
        self.send(tunnel, moment.now_us, packet, length);
    }

    /// Sends a silent packet, which keeps the path open.
    pub(crate) fn send_silence(&mut self, tunnel: &Tunnel, moment: Moment) {
        let mut packet = [0; PACKET_BYTES];
        let length = self.out.write_silence(&mut packet, moment.position);
        self.send(tunnel, moment.now_us, packet, length);
    }

    fn send(&mut self, tunnel: &Tunnel, now_us: u64, mut packet: [u8; PACKET_BYTES], length: Option<usize>) {
        let protected = length.and_then(|length| self.secrets.protect(&mut packet, length).ok());
        let Some(packet) = protected.map(|length| &packet[..length]) else { return };
        // First by UDP: the server then answers there until the next packet comes through the tunnel.
        if self.ways.way() == VoiceWay::Udp || self.ways.probes(now_us) {
            // A packet that cannot be sent is a lost packet; the next one tries again.
            let _ = self.socket.send(packet);
        }
        if self.ways.way() == VoiceWay::Tunnel {
            tunnel.send(packet);
        }
    }

    /// Changes the way if nothing comes back, and reports if that is due.
    pub(crate) fn look_after(&mut self, tunnel: &Tunnel, now_us: u64, talking: bool) {
        self.ways.look(now_us, talking, tunnel.is_open());
        if now_us < self.report_at_us {
            return;
        }
        self.report_at_us = now_us + REPORT_US;
        let block = self.reception.block(now_us);
        let mut packet = [0; PACKET_BYTES];
        let written = rtcp::write(&mut packet, self.out.ssrc(), Some(&self.out.report(now_us)), Some(&block), CNAME).ok();
        let Some(length) = written.and_then(|length| self.secrets.protect_report(&mut packet, length)) else { return };
        match self.ways.way() {
            VoiceWay::Udp => drop(self.socket.send(&packet[..length])),
            VoiceWay::Tunnel => tunnel.send(&packet[..length]),
        }
    }

    /// Waits at most `limit` for one packet; zero looks only at what is there.
    pub(crate) fn receive(&mut self, tunnel: &Tunnel, limit: Duration, now_us: impl Fn() -> u64) -> Arrival {
        let (udp_limit, tunnel_limit) = match self.ways.way() {
            VoiceWay::Udp => (limit, Duration::ZERO),
            VoiceWay::Tunnel => (Duration::ZERO, limit),
        };
        // The way that is not waited for is looked at first: it seldom has anything.
        if self.ways.way() == VoiceWay::Udp
            && let Some(mut packet) = tunnel.receive(tunnel_limit)
        {
            return self.take(&mut packet, now_us(), VoiceWay::Tunnel);
        }
        let arrival = self.receive_udp(udp_limit, &now_us);
        if self.ways.way() == VoiceWay::Udp || matches!(arrival, Arrival::Voice | Arrival::Other) {
            return arrival;
        }
        match tunnel.receive(tunnel_limit) {
            Some(mut packet) => self.take(&mut packet, now_us(), VoiceWay::Tunnel),
            None => Arrival::Nothing,
        }
    }

    fn receive_udp(&mut self, limit: Duration, now_us: &impl Fn() -> u64) -> Arrival {
        let mut packet = [0; RECEIVE_BYTES];
        match self.wait_for(limit).and_then(|()| self.socket.recv(&mut packet)) {
            Ok(length) => self.take(&mut packet[..length], now_us(), VoiceWay::Udp),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Arrival::Nothing,
                // An open set of the system's errors, such as a port unreachable while the server restarts.
                _ => Arrival::Failed,
            },
        }
    }

    fn wait_for(&mut self, limit: Duration) -> io::Result<()> {
        let blocks = !limit.is_zero();
        if self.blocks != blocks {
            self.socket.set_nonblocking(!blocks)?;
            self.blocks = blocks;
        }
        if blocks { self.socket.set_read_timeout(Some(limit)) } else { Ok(()) }
    }

    fn take(&mut self, packet: &mut [u8], now_us: u64, way: VoiceWay) -> Arrival {
        let good = if is_report(packet) { self.take_report(packet, now_us) } else { self.take_voice(packet, now_us) };
        if good.is_none() {
            return Arrival::Other;
        }
        self.ways.note_heard(now_us, way);
        Arrival::Voice
    }

    /// `None`: the packet is not the server's.
    fn take_voice(&mut self, packet: &mut [u8], now_us: u64) -> Option<()> {
        Header::read(packet).ok().filter(|(header, _)| header.ssrc == self.server_ssrc)?;
        let length = self.secrets.open(packet).ok()?;
        let Packet { header, payload } = Packet::read(&packet[..length]).ok()?;
        let (codec, counted) = match header.payload_type {
            PAYLOAD_TYPE => (Codec::Pcma, header),
            opus if self.opus_type == Some(opus) => (OPUS, Header { timestamp: header.timestamp / OPUS_TICKS, ..header }),
            _ => return Some(()),
        };
        self.hears = if codec == OPUS { VoiceCodec::Opus } else { VoiceCodec::Pcma };
        self.reception.note_packet(now_us, &counted);
        // What cannot be decoded is as good as lost.
        let _ = self.ear.insert(now_us, &header, payload, codec);
        Some(())
    }

    fn take_report(&mut self, packet: &mut [u8], now_us: u64) -> Option<()> {
        let length = self.secrets.open_report(packet)?;
        for item in rtcp::read(&packet[..length]).ok()? {
            match item {
                Item::Report(report) => self.reception.note_report(now_us, self.out.ssrc(), &report),
                Item::Goodbye { .. } => {}
            }
        }
        Some(())
    }

    /// The next 20 ms to be heard.
    pub(crate) fn pull(&mut self, now_us: u64) -> Frame {
        let mut frame = self.ear.pull(now_us);
        self.law_noise.filter(&mut frame);
        frame
    }

    /// Packets received and lost since the line was opened.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.reception.packets().received(), self.reception.packets().lost())
    }

    /// Which way the packets take.
    pub(crate) fn way(&self) -> VoiceWay {
        self.ways.way()
    }

    /// How is sent, and how the newest packet of the server was coded.
    pub(crate) fn codecs(&self) -> (VoiceCodec, VoiceCodec) {
        (self.out.codec(), self.hears)
    }

    /// How to send from now on.
    ///
    /// # Errors
    /// [`LineError::Codec`]: all stays as it was.
    pub(crate) fn send_as(&mut self, order: VoiceOrder) -> Result<(), LineError> {
        Ok(self.out.send_as(order)?)
    }

    /// Forgets what was heard before: each call begins with an empty buffer.
    ///
    /// # Errors
    /// [`LineError::Codec`]: the old buffer is heard on.
    pub(crate) fn begin_call(&mut self, now_us: u64) -> Result<(), LineError> {
        self.ways.begin(now_us);
        self.ear = Ear::new(self.ear.codec())?;
        self.law_noise = LawNoiseFilter::default();
        Ok(())
    }
}

/// RFC 5761 section 4: reports by their second byte.
fn is_report(packet: &[u8]) -> bool {
    packet.len() >= HEADER_BYTES && (192..=223).contains(&packet[1])
}
