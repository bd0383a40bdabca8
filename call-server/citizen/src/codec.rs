//! RTP packets and G.711 in the citizen's words, and nothing more; the work is done by package `voice`.

use crate::sdp::Law;
pub(crate) use voice::rtp::Header;
use voice::rtp::{HEADER_BYTES, Packet};
use voice::{g711, level};

/// A packet with these samples.
pub(crate) fn packet(header: Header, law: Law, samples: &[i16]) -> Vec<u8> {
    let mut packet = vec![0; HEADER_BYTES];
    header.write(&mut packet).expect("there is room for a header");
    packet.extend(samples.iter().map(|&sample| match law {
        Law::A => g711::linear_to_alaw(sample),
        Law::Mu => g711::linear_to_ulaw(sample),
    }));
    packet
}

/// A packet with this payload as it stands.
pub(crate) fn event(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER_BYTES];
    header.write(&mut packet).expect("there is room for a header");
    packet.extend_from_slice(payload);
    packet
}

/// Header and payload; `None` for what is no RTP packet.
pub(crate) fn read(packet: &[u8]) -> Option<(Header, &[u8])> {
    Packet::read(packet).ok().map(|packet| (packet.header, packet.payload))
}

/// Samples of a payload.
pub(crate) fn decode(law: Law, payload: &[u8]) -> Vec<i16> {
    let linear = match law {
        Law::A => g711::alaw_to_linear,
        Law::Mu => g711::ulaw_to_linear,
    };
    payload.iter().copied().map(linear).collect()
}

/// Level of samples, RMS relative to full scale, in dB; `None` for no samples and for silence.
#[must_use]
pub fn level_dbfs(samples: &[i16]) -> Option<f32> {
    // G.711 has no zero: its smallest values, up to 8, are what silence decodes to.
    let silent = samples.iter().all(|sample| sample.unsigned_abs() <= 8);
    (!silent).then(|| level::rms_dbfs(samples))
}
