//! What is sent: one stream of packets, whatever its codec. Not here: encryption, the way.

use crate::audio::sound::{Frame, SILENCE};
use shared::model::VoiceCodec;
use shared::wire::VoiceOrder;
use voice::FRAME_SAMPLES;
use voice::codec::{Codec, CodecError, Encoder, MAX_PAYLOAD_BYTES};
use voice::rtcp::{SenderInfo, ntp};
use voice::rtp::{HEADER_BYTES, Header};
use voice::srtp::MAX_CONTROL_BYTES;

/// Room for any packet of ours, voice or report.
pub(super) const PACKET_BYTES: usize = HEADER_BYTES + MAX_PAYLOAD_BYTES + MAX_CONTROL_BYTES;

/// One stream.
pub(super) struct Stream {
    ssrc: u32,
    opus_type: Option<u8>,
    sequence: u16,
    first_timestamp: u32,
    /// On the PCMA clock, behind the newest packet.
    end: u32,
    encoder: Encoder,
    codec: VoiceCodec,
    /// The newest frame: what a new encoder begins with, so that its first packet does not begin from nothing.
    before: Frame,
    packets: u32,
    payload_bytes: u32,
}

impl Stream {
    /// Nothing sent yet; PCMA. `opus_type` is the payload type that the server has for Opus.
    pub(super) fn new(ssrc: u32, opus_type: Option<u8>, random: [u8; 6]) -> Self {
        // Below 2^28, so that Opus's clock, which runs six times as fast, does not wrap within a shift.
        let first_timestamp = u32::from_be_bytes([random[2] & 0x0F, random[3], random[4], random[5]]);
        Self {
            ssrc,
            opus_type,
            // RFC 3711 section 3.3.1: below 2^15, so that an early loss is not taken for a wrap.
            sequence: u16::from_be_bytes([random[0] & 0x7F, random[1]]),
            first_timestamp,
            end: first_timestamp,
            encoder: Encoder::Pcma,
            codec: VoiceCodec::Pcma,
            before: SILENCE,
            packets: 0,
            payload_bytes: 0,
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(super) fn codec(&self) -> VoiceCodec {
        self.codec
    }

    /// Sends so from the next voice on. A codec that the server has no payload type for, or that is newer than this program, is no order.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub(super) fn send_as(&mut self, order: VoiceOrder) -> Result<(), CodecError> {
        match order.codec {
            VoiceCodec::Opus if self.opus_type.is_none() => {}
            VoiceCodec::Opus if self.codec == VoiceCodec::Opus => self.encoder.set_expected_loss(order.expected_loss_percent)?,
            VoiceCodec::Opus => {
                let mut encoder = Codec::Opus { expected_loss_percent: order.expected_loss_percent }.encoder()?;
                encoder.encode(&self.before, &mut [0; MAX_PAYLOAD_BYTES])?;
                (self.encoder, self.codec) = (encoder, VoiceCodec::Opus);
            }
            VoiceCodec::Pcma => (self.encoder, self.codec) = (Encoder::Pcma, VoiceCodec::Pcma),
            VoiceCodec::Unknown => {}
        }
        Ok(())
    }

    /// Writes the packet of a frame that began at this position on the line; gives its length.
    pub(super) fn write_voice(&mut self, packet: &mut [u8; PACKET_BYTES], frame: &Frame, position: u32, marker: bool) -> Option<usize> {
        self.before = *frame;
        let payload = &mut packet[HEADER_BYTES..HEADER_BYTES + MAX_PAYLOAD_BYTES];
        let length = self.encoder.encode(frame, payload).ok()?;
        self.head(packet, length, self.codec, position, marker)
    }

    /// The same with silence, which every server understands.
    pub(super) fn write_silence(&mut self, packet: &mut [u8; PACKET_BYTES], position: u32) -> Option<usize> {
        let payload = &mut packet[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES];
        let length = Encoder::Pcma.encode(&SILENCE, payload).ok()?;
        self.head(packet, length, VoiceCodec::Pcma, position, false)
    }

    fn head(&mut self, packet: &mut [u8; PACKET_BYTES], payload: usize, codec: VoiceCodec, position: u32, marker: bool) -> Option<usize> {
        let samples = self.first_timestamp.wrapping_add(position);
        let (payload_type, timestamp) = match (codec, self.opus_type) {
            (VoiceCodec::Opus, Some(opus)) => (opus, samples.wrapping_mul(super::OPUS_TICKS)),
            (VoiceCodec::Opus | VoiceCodec::Pcma | VoiceCodec::Unknown, _) => (super::PAYLOAD_TYPE, samples),
        };
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        header.write(packet).ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        self.end = samples.wrapping_add(FRAME_SAMPLES as u32);
        self.packets = self.packets.wrapping_add(1);
        self.payload_bytes = self.payload_bytes.wrapping_add(payload as u32);
        Some(HEADER_BYTES + payload)
    }

    /// What a report says of this stream.
    pub(super) fn report(&self, now_us: u64) -> SenderInfo {
        SenderInfo { ntp: ntp(now_us), timestamp: self.end, packets: self.packets, payload_bytes: self.payload_bytes }
    }
}
