//! One agent's voice path: SRTP over the one agents' port, or through the WebSocket. The session is found by the client's SSRC; only
//! authentic packets tell where the agent is, and they may tell anew at any time (a laptop changes its network, UDP is blocked).

use super::counters::Counters;
use super::health::Reading;
use super::link::{Link, Window, Wish};
use super::mix::Payload;
use super::net::{OUTPUT_BYTES, VoiceSocket};
use super::player::Player;
use super::secret::Secrets;
use super::stream::OutgoingStream;
use crate::tunnel::TunnelOutlet;
use shared::model::LegId;
use std::net::SocketAddr;
use std::sync::Arc;
use voice::rtcp::{self, Item, ReceptionStatistics, SenderInfo};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::SrtpError;

/// Payload type of A-law (RFC 3551).
pub(super) const ALAW_TYPE: u8 = 8;
/// Payload type of Opus.
pub(super) const OPUS_TYPE: u8 = 111;
/// Opus counts 48,000 in a second, whatever it carries (RFC 7587).
const OPUS_TICKS: u32 = 6;
/// Fewer packets in a window say nothing about a link.
const LEAST_PACKETS: u64 = 50;

/// Which way packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// UDP, from and to this address.
    Udp(SocketAddr),
    /// The WebSocket of this connection.
    Tunnel(u64),
}

/// One agent's voice path.
#[derive(Debug)]
pub(super) struct AgentLeg {
    /// Its name.
    pub(super) id: LegId,
    /// The talk that it takes part in, and its place there.
    pub(super) talk: Option<(u16, u8)>,
    /// What is heard while there is no talk: music, by whoever is swapped out of one.
    pub(super) playing: Option<Player>,
    /// What is sent to the agent.
    pub(super) out: OutgoingStream,
    /// It can speak Opus.
    pub(super) speaks_opus: bool,
    /// The agent has muted the microphone.
    pub(super) muted: bool,
    secrets: Secrets,
    path: Path,
    sent_us: u64,
    statistics: ReceptionStatistics,
    sent_packets: u32,
    sent_bytes: u32,
    reported_us: u64,
    link: Link,
    before: (u64, u64),
}

/// Where the agent is.
#[derive(Debug, Clone, Copy)]
enum Path {
    /// Nothing authentic was heard yet.
    Unheard,
    /// Packets came this way, the last one then.
    Heard { way: Way, at_us: u64 },
    /// They came, but have stopped for longer than the limit.
    Lost,
}

/// What a media thread needs to send to agents.
#[derive(Debug)]
pub(super) struct Exits {
    /// The agents' socket.
    pub(super) socket: VoiceSocket,
    /// To the gateway.
    pub(super) tunnel: TunnelOutlet,
    /// Numbers.
    pub(super) counters: Arc<Counters>,
}

/// What a datagram of an agent was.
#[derive(Debug)]
pub(super) enum Opened {
    /// Voice: its header with timestamps that count samples, where its payload is, and how it is coded.
    Voice(Header, std::ops::Range<usize>, Payload),
    /// A report.
    Report,
    /// Nothing to be passed on.
    Nothing,
    /// A payload type that was not agreed.
    OtherPayload,
}

impl AgentLeg {
    /// A path of which nothing was heard yet. `start` is random.
    pub(super) fn new(id: LegId, secrets: Secrets, start: u64) -> Self {
        let out = OutgoingStream::new(secrets.server_ssrc(), ALAW_TYPE, start);
        Self {
            id,
            talk: None,
            playing: None,
            out,
            speaks_opus: false,
            muted: false,
            secrets,
            path: Path::Unheard,
            sent_us: 0,
            statistics: ReceptionStatistics::new(8),
            sent_packets: 0,
            sent_bytes: 0,
            reported_us: 0,
            link: Link::default(),
            before: (0, 0),
        }
    }

    /// Opens a datagram in place and takes note of it. The second value: the agent has become reachable by it.
    ///
    /// # Errors
    /// It is not from this agent, or came before.
    pub(super) fn open(&mut self, now_us: u64, way: Way, datagram: &mut [u8]) -> Result<(Opened, bool), SrtpError> {
        if is_control(datagram) {
            return self.open_report(now_us, datagram).map(|()| (Opened::Report, false));
        }
        let length = self.secrets.open(datagram)?;
        let (_, start) = Header::read(&datagram[..length])?;
        let Packet { header, payload } = Packet::read(&datagram[..length])?;
        let became_reachable = self.note_heard(now_us, way);
        let kind = match header.payload_type {
            ALAW_TYPE => Payload::Alaw,
            OPUS_TYPE => Payload::Opus,
            _ => return Ok((Opened::OtherPayload, became_reachable)),
        };
        let range = start..start + payload.len();
        let counted = match kind {
            Payload::Alaw => header,
            Payload::Opus => Header { timestamp: header.timestamp / OPUS_TICKS, ..header },
        };
        self.statistics.note_packet(now_us, &counted);
        Ok((if range.is_empty() { Opened::Nothing } else { Opened::Voice(header, range, kind) }, became_reachable))
    }

    fn open_report(&mut self, now_us: u64, datagram: &mut [u8]) -> Result<(), SrtpError> {
        let length = self.secrets.open_control(datagram)?;
        for item in rtcp::read(&datagram[..length])? {
            match item {
                Item::Report(report) => self.statistics.note_report(now_us, self.out.ssrc(), &report),
                Item::Goodbye { .. } => {}
            }
        }
        Ok(())
    }

    /// Reads a word here and there, so that all of it is near when a packet comes or goes; gives the talk and the place in it.
    pub(super) fn read_ahead(&self) -> Option<(u16, u8)> {
        let received = self.statistics.packets().received();
        std::hint::black_box((self.out.ssrc(), received, self.path, self.sent_packets, self.secrets.client_ssrc()));
        self.talk
    }

    /// By which packets of the client are known.
    pub(super) fn client_ssrc(&self) -> u32 {
        self.secrets.client_ssrc()
    }

    fn note_heard(&mut self, now_us: u64, way: Way) -> bool {
        let became_reachable = !self.is_reachable();
        self.path = Path::Heard { way, at_us: now_us };
        became_reachable
    }

    /// Whether the agent was reachable, but was not heard for longer than the limit; told once.
    pub(super) fn became_unreachable(&mut self, now_us: u64, limit_us: u64) -> bool {
        match self.path {
            Path::Heard { at_us, .. } if now_us.saturating_sub(at_us) > limit_us => {
                self.path = Path::Lost;
                true
            }
            Path::Heard { .. } | Path::Unheard | Path::Lost => false,
        }
    }

    /// Whether a silent packet is due, so that the client knows that the path works and the network keeps it open.
    pub(super) fn wants_keep_alive(&self, now_us: u64, every_us: u64) -> bool {
        self.is_reachable() && now_us.saturating_sub(self.sent_us) >= every_us
    }

    /// Sends the payload that stands behind the header's place in `buffer`. Whether it was sent.
    pub(super) fn send(
        &mut self,
        now_us: u64,
        header: &Header,
        buffer: &mut [u8; OUTPUT_BYTES],
        payload: usize,
        exits: &mut Exits,
    ) -> bool {
        let Path::Heard { way, .. } = self.path else { return false };
        let length = HEADER_BYTES + payload;
        let protected = header.write(buffer).map_err(SrtpError::from).and_then(|()| self.secrets.protect(buffer, length));
        self.sent_us = now_us;
        self.sent_packets = self.sent_packets.wrapping_add(1);
        self.sent_bytes = self.sent_bytes.wrapping_add(payload as u32);
        protected.is_ok_and(|length| exits.send(way, &buffer[..length]))
    }

    /// Sends A-law that stands behind the header's place in `buffer`, as the next piece of the stream.
    pub(super) fn proceed(
        &mut self,
        now_us: u64,
        buffer: &mut [u8; OUTPUT_BYTES],
        (payload, kind, samples): (usize, Payload, usize),
        exits: &mut Exits,
    ) -> bool {
        self.out.set_payload_type(match kind {
            Payload::Alaw => ALAW_TYPE,
            Payload::Opus => OPUS_TYPE,
        });
        let mut header = self.out.proceed(now_us, samples);
        if kind == Payload::Opus {
            header.timestamp = header.timestamp.wrapping_mul(OPUS_TICKS);
        }
        self.send(now_us, &header, buffer, payload, exits)
    }

    /// Sends a report if one is due.
    pub(super) fn report(&mut self, now_us: u64, every_us: u64, exits: &mut Exits) {
        let Path::Heard { way, .. } = self.path else { return };
        if now_us.saturating_sub(self.reported_us) < every_us {
            return;
        }
        self.reported_us = now_us;
        let sender =
            SenderInfo { ntp: rtcp::ntp(now_us), timestamp: self.out.end(), packets: self.sent_packets, payload_bytes: self.sent_bytes };
        let block = self.statistics.block(now_us);
        let mut buffer = [0; OUTPUT_BYTES];
        let written = rtcp::write(&mut buffer, self.out.ssrc(), Some(&sender), Some(&block), "server");
        let protected = written.map_err(SrtpError::from).and_then(|length| self.secrets.protect_control(&mut buffer, length));
        if protected.is_ok_and(|length| exits.send(way, &buffer[..length])) {
            exits.counters.reports.bump();
        }
    }

    /// What the stream's counters say.
    pub(super) fn reading(&self) -> Reading {
        let packets = self.statistics.packets();
        Reading {
            expected: packets.expected(),
            received: packets.received(),
            jitter_us: packets.jitter_us(),
            round_trip_us: self.statistics.round_trip_us(),
            lost_there: self.statistics.far().map(|block| block.fraction_lost),
            concealed: 0,
            opus: self.link.wish().codec == shared::model::VoiceCodec::Opus,
        }
    }

    /// Judges the link by what came since the last time; gives the wish if it has changed. For an agent who speaks.
    pub(super) fn judge(&mut self) -> Option<Wish> {
        let now = self.reading();
        let (expected, received) = (now.expected.saturating_sub(self.before.0), now.received.saturating_sub(self.before.1));
        self.before = (now.expected, now.received);
        if !self.speaks_opus || expected < LEAST_PACKETS {
            return None;
        }
        let permille = |part: u64, whole: u64| (part * 1_000 / whole.max(1)).min(1_000) as u16;
        self.link.note(Window {
            from_agent_permille: permille(expected.saturating_sub(received), expected),
            to_agent_permille: self.lost_there_permille(),
            round_trip_ms: now.round_trip_us.map(|us| u16::try_from(us / 1_000).unwrap_or(u16::MAX)),
        })
    }

    /// How much loss the encoder towards this agent prepares for, in percent.
    pub(super) fn correction_percent(&self) -> u8 {
        self.link.to_agent_percent()
    }

    /// Opus was wished and could not be had.
    pub(super) fn stay_pcma(&mut self) {
        self.link = Link::default();
    }

    /// Lost on the way to the agent by the client's newest report, in 1/1,000.
    fn lost_there_permille(&self) -> u16 {
        self.statistics.far().map_or(0, |block| u16::from(block.fraction_lost) * 125 / 32)
    }

    fn is_reachable(&self) -> bool {
        matches!(self.path, Path::Heard { .. })
    }
}

/// RFC 5761 section 4: RTCP by its second byte.
fn is_control(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// The client's SSRC, of RTP and RTCP alike.
pub(super) fn client_ssrc(datagram: &[u8]) -> Option<u32> {
    let at = if is_control(datagram) { 4 } else { 8 };
    let is_ours = datagram.first().is_some_and(|flags| flags >> 6 == 2);
    let bytes = datagram.get(at..at + 4).filter(|_| is_ours && datagram.len() >= HEADER_BYTES)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

impl Exits {
    fn send(&mut self, way: Way, packet: &[u8]) -> bool {
        let sent = match way {
            Way::Udp(address) => self.socket.send_to(packet, address),
            Way::Tunnel(line) => self.tunnel.send(line, packet),
        };
        if !sent {
            self.counters.send_failures.bump();
        }
        sent
    }
}
