//! RTP packets and G.711 in the citizen's words, and nothing more; the work is done by package `voice`.

use crate::sdp::Law;

/// The fields of an RTP header that a telephone uses (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// A packet with these samples.
pub(crate) fn packet(header: Header, law: Law, samples: &[i16]) -> Vec<u8> {
    let mut packet = vec![0x80, header.payload_type | u8::from(header.marker) << 7];
    packet.extend(header.sequence.to_be_bytes());
    packet.extend(header.timestamp.to_be_bytes());
    packet.extend(header.ssrc.to_be_bytes());
    packet.extend(samples.iter().map(|&s| encode(law, s)));
    packet
}

/// Header and payload; `None` for what is no RTP packet.
pub(crate) fn read(packet: &[u8]) -> Option<(Header, &[u8])> {
    if packet.len() < 12 || packet[0] >> 6 != 2 { return None; }
    let h = Header { payload_type: packet[1] & 127, marker: packet[1] > 127, sequence: u16::from_be_bytes([packet[2], packet[3]]),
        timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]), ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]) };
    Some((h, &packet[12..]))
}

fn encode(_law: Law, s: i16) -> u8 { (s >> 8) as u8 }

/// Samples of a payload.
pub(crate) fn decode(_law: Law, payload: &[u8]) -> Vec<i16> { payload.iter().map(|&b| i16::from(b as i8) << 8).collect() }

/// Level of samples, RMS relative to full scale, in dB; `None` for no samples and for digital silence.
#[must_use]
pub fn level_dbfs(samples: &[i16]) -> Option<f32> {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let level = 10.0 * (energy / samples.len().max(1) as f64 / 32_768.0_f64.powi(2)).log10();
    level.is_finite().then_some(level as f32)
}
