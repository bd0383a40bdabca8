//! A trunk leg that speaks Opus (RFC 7587): decoded to A-law on arrival and encoded from A-law on its way out, so that all else is as with
//! G.711. What is lost is concealed where A-law is.

use voice::MAX_PACKET_SAMPLES;
use voice::codec::{Codec, CodecError, Decoder, Encoder, MAX_PAYLOAD_BYTES};
use voice::g711::{decode_alaw, encode_alaw};
use voice::rtp::Header;

/// Opus counts 48,000 in a second, whatever it carries.
pub(super) const TICKS: u32 = 6;

/// Both coders of one leg.
#[derive(Debug)]
pub(super) struct OpusVoice {
    encoder: Encoder,
    decoder: Decoder,
    clock: Clock,
}

/// The far side's clock in our samples; a wrap of its 32 bits is no leap of ours.
#[derive(Debug, Default)]
struct Clock {
    newest: Option<(u32, u32)>,
    ticks: i64,
}

impl OpusVoice {
    /// Allocates some 40 KiB; nothing else here does.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub(super) fn new() -> Result<Self, CodecError> {
        let codec = Codec::Opus { expected_loss_percent: 0 };
        Ok(Self { encoder: codec.light_encoder()?, decoder: codec.decoder()?, clock: Clock::default() })
    }

    /// Decodes a payload into A-law; gives its samples and its header with a timestamp that counts them. `None` for what is no Opus, or
    /// longer than 60 ms.
    pub(super) fn hear(&mut self, header: &Header, payload: &[u8], alaw: &mut [u8; MAX_PACKET_SAMPLES]) -> Option<(usize, Header)> {
        let mut samples = [0; MAX_PACKET_SAMPLES];
        let count = self.decoder.decode(payload, &mut samples).ok()?;
        encode_alaw(&samples[..count], &mut alaw[..count]);
        Some((count, Header { timestamp: self.clock.samples(header), ..*header }))
    }

    /// Encodes A-law of 10, 20, 40 or 60 ms; gives the payload's length. `None` for another length: a piece that only ends a mixed talk.
    pub(super) fn say(&mut self, alaw: &[u8], payload: &mut [u8]) -> Option<usize> {
        let mut samples = [0; MAX_PACKET_SAMPLES];
        let count = decode_alaw(alaw, &mut samples);
        let room = payload.len().min(MAX_PAYLOAD_BYTES);
        self.encoder.encode(&samples[..count], &mut payload[..room]).ok()
    }
}

impl Clock {
    fn samples(&mut self, header: &Header) -> u32 {
        let step = match self.newest {
            Some((source, newest)) if source == header.ssrc => header.timestamp.wrapping_sub(newest).cast_signed(),
            Some(_) | None => 0,
        };
        self.newest = Some((header.ssrc, header.timestamp));
        self.ticks += i64::from(step);
        (self.ticks / i64::from(TICKS)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(timestamp: u32) -> Header {
        Header { marker: false, payload_type: 111, sequence: 0, timestamp, ssrc: 1 }
    }

    #[test]
    fn what_is_said_is_heard_and_other_lengths_are_passed_over() {
        let mut voice = OpusVoice::new().expect("libopus is there");
        let tone: Vec<i16> = (0..160 * 20).map(|n| (f64::from(n) * 0.3).sin().mul_add(9_000.0, 0.0) as i16).collect();
        let (mut energy, mut payload, mut alaw) = (0.0, [0; 480], [0; MAX_PACKET_SAMPLES]);
        for frame in tone.chunks(160) {
            encode_alaw(frame, &mut alaw[..160]);
            let length = voice.say(&alaw[..160], &mut payload).expect("20 ms");
            let (count, _) = voice.hear(&header(0), &payload[..length], &mut alaw).expect("Opus");
            let mut heard = [0; 160];
            assert_eq!((count, decode_alaw(&alaw[..160], &mut heard)), (160, 160));
            energy += heard.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        }
        assert!((energy / tone.len() as f64).sqrt() > 4_000.0, "the tone is heard at its level");
        assert_eq!(voice.say(&[0; 77], &mut payload), None);
        assert!(voice.hear(&header(0), &[], &mut alaw).is_none());
    }

    #[test]
    fn the_clock_counts_samples_over_the_wrap_and_without_a_leap_when_the_source_changes() {
        let mut clock = Clock::default();
        let start = u32::MAX - 960;
        let told: Vec<u32> = (0..4).map(|n| clock.samples(&header(start.wrapping_add(n * 960)))).collect();
        assert_eq!(told, [0, 160, 320, 480]);
        assert_eq!(clock.samples(&Header { ssrc: 2, ..header(77) }), 480);
        assert_eq!(clock.samples(&Header { ssrc: 2, ..header(77 + 960) }), 640);
    }
}
