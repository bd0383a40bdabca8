//! The codec seam: what a payload means. G.711 in both laws, and with the feature `opus` also Opus (RFC 6716, RFC 7587) by libopus.
//!
//! Opus is encoded from and decoded to 8 kHz directly: no resampler. Not here: which codec a leg gets, packets, time.

#[cfg(feature = "opus")]
use crate::SAMPLE_RATE;
use crate::g711::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// Longest payload that is accepted or made, in bytes: 60 ms of G.711; Opus stays far below.
pub const MAX_PAYLOAD_BYTES: usize = 480;
/// Above this, the encoder is better told less: it would spend most bits on repetition.
pub const MAX_EXPECTED_LOSS_PERCENT: u8 = 30;

/// At the rates below, more of it costs time and is not heard.
#[cfg(feature = "opus")]
const COMPLEXITY: i32 = 0;
/// Of the voice's model where no loss is expected.
#[cfg(feature = "opus")]
const BITS_PER_SECOND: i32 = 32_000;
/// Of a light encoder where no loss is expected: an agent hears a citizen with PESQ 4.32 at this, as by the voice's model at [`BITS_PER_SECOND`], by
/// G.711 with 4.42 (`bench voice`).
#[cfg(feature = "opus")]
const LIGHT_BITS_PER_SECOND: i32 = 48_000;
/// With correction, which takes its bits from the voice: at 5 % loss PESQ 4.16 (`bench voice`). Still less than G.711's 64,000.
#[cfg(feature = "opus")]
const CORRECTED_BITS_PER_SECOND: i32 = 56_000;
/// A far side that misses anything is told of at least so much, in percent: below it the correction's own copy is hardly fit to be heard.
#[cfg(feature = "opus")]
const LEAST_EXPECTED_LOSS_PERCENT: u8 = 15;

/// How voice is carried on one leg and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// Opus, narrow band, with in-band error correction.
    #[cfg(feature = "opus")]
    Opus {
        /// Packets that the far side is expected to miss, in percent: how much correction is sent along. 0 sends none.
        expected_loss_percent: u8,
    },
}

/// Why audio was not encoded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The far side's payload is no valid one, or longer than the room for its samples.
    #[error("the payload is not valid")]
    BadPayload,
    /// Ours: the frame has a length that the codec does not know, or there is no room for the payload.
    #[error("the frame cannot be encoded")]
    BadFrame,
    /// Ours: the library refuses to work, as when memory is short.
    #[error("the codec could not be made ready")]
    NotReady,
}

impl Codec {
    /// RTP's payload type where it is fixed (RFC 3551 table 4).
    #[must_use]
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcma => Some(8),
            Self::Pcmu => Some(0),
            #[cfg(feature = "opus")]
            Self::Opus { .. } => None,
        }
    }

    /// Its line in SDP's rtpmap, without the payload type.
    #[must_use]
    pub fn rtpmap(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA/8000",
            Self::Pcmu => "PCMU/8000",
            #[cfg(feature = "opus")]
            Self::Opus { .. } => "opus/48000/2",
        }
    }

    /// RTP timestamp units in one of our samples: Opus always counts 48,000 in a second (RFC 7587 section 4.1).
    #[must_use]
    pub fn ticks_per_sample(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu => 1,
            #[cfg(feature = "opus")]
            Self::Opus { .. } => 6,
        }
    }

    /// Whether decoding a payload depends on those before it, so that they must come in order.
    #[must_use]
    pub fn is_in_order(self) -> bool {
        match self {
            Self::Pcma | Self::Pcmu => false,
            #[cfg(feature = "opus")]
            Self::Opus { .. } => true,
        }
    }

    /// An encoder for one stream. With Opus this allocates some 20 KiB.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn encoder(self) -> Result<Encoder, CodecError> {
        match self {
            Self::Pcma => Ok(Encoder::Pcma),
            Self::Pcmu => Ok(Encoder::Pcmu),
            #[cfg(feature = "opus")]
            Self::Opus { expected_loss_percent } => {
                opus_encoder(opus::Signal::Voice, BITS_PER_SECOND, expected_loss_percent).map(Encoder::Opus).map_err(not_ready)
            }
        }
    }

    /// The same for a server, which encodes for many: as long as no loss is expected, Opus's transform (CELT) does what otherwise its model
    /// of the voice (SILK) does, RFC 6716 section 2. It takes half as many bits more and less time (example `frames`).
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn light_encoder(self) -> Result<Encoder, CodecError> {
        match self {
            Self::Pcma | Self::Pcmu => self.encoder(),
            #[cfg(feature = "opus")]
            Self::Opus { expected_loss_percent } => {
                // To libopus the transform is the way of music.
                opus_encoder(opus::Signal::Music, LIGHT_BITS_PER_SECOND, expected_loss_percent).map(Encoder::LightOpus).map_err(not_ready)
            }
        }
    }

    /// A decoder for one stream. With Opus this allocates some 20 KiB.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn decoder(self) -> Result<Decoder, CodecError> {
        match self {
            Self::Pcma => Ok(Decoder::Pcma),
            Self::Pcmu => Ok(Decoder::Pcmu),
            #[cfg(feature = "opus")]
            Self::Opus { .. } => {
                opus::Decoder::new(SAMPLE_RATE, opus::Channels::Mono).map(|decoder| Decoder::Opus(decoder.into())).map_err(not_ready)
            }
        }
    }
}

#[cfg(feature = "opus")]
fn opus_encoder(signal: opus::Signal, whole_bits: i32, expected_loss_percent: u8) -> Result<opus::Encoder, opus::Error> {
    let mut encoder = opus::Encoder::new(SAMPLE_RATE, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_signal(signal)?;
    encoder.set_complexity(COMPLEXITY)?;
    expect_loss(&mut encoder, whole_bits, expected_loss_percent)?;
    Ok(encoder)
}

/// `whole_bits` a second where no loss is expected. Where it is, libopus takes the voice's model whatever the signal, for the transform can
/// send no correction along; it goes from one to the other without a click.
#[cfg(feature = "opus")]
fn expect_loss(encoder: &mut opus::Encoder, whole_bits: i32, percent: u8) -> Result<(), opus::Error> {
    let (bits, percent) = match percent {
        0 => (whole_bits, 0),
        lossy => (CORRECTED_BITS_PER_SECOND, lossy.clamp(LEAST_EXPECTED_LOSS_PERCENT, MAX_EXPECTED_LOSS_PERCENT)),
    };
    encoder.set_bitrate(opus::Bitrate::Bits(bits))?;
    encoder.set_inband_fec(percent > 0)?;
    encoder.set_packet_loss_perc(i32::from(percent))
}

#[cfg(feature = "opus")]
fn own(decoder: &mut std::sync::Mutex<opus::Decoder>) -> &mut opus::Decoder {
    decoder.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(feature = "opus")]
fn not_ready(_: opus::Error) -> CodecError {
    CodecError::NotReady
}

/// One stream's sending side.
#[derive(Debug)]
pub enum Encoder {
    /// G.711 A-law: no state.
    Pcma,
    /// G.711 µ-law: no state.
    Pcmu,
    /// libopus.
    #[cfg(feature = "opus")]
    Opus(opus::Encoder),
    /// libopus, see [`Codec::light_encoder`].
    #[cfg(feature = "opus")]
    LightOpus(opus::Encoder),
}

impl Encoder {
    /// Encodes one frame (Opus: 10, 20, 40 or 60 ms) into at most [`MAX_PAYLOAD_BYTES`]; gives the payload's length. Does not allocate.
    ///
    /// # Errors
    /// [`CodecError::BadFrame`].
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        match self {
            Self::Pcma => whole(samples, encode_alaw(samples, payload)),
            Self::Pcmu => whole(samples, encode_ulaw(samples, payload)),
            #[cfg(feature = "opus")]
            Self::Opus(encoder) | Self::LightOpus(encoder) => {
                let room = payload.len().min(MAX_PAYLOAD_BYTES);
                encoder.encode(samples, &mut payload[..room]).map_err(|_| CodecError::BadFrame)
            }
        }
    }

    /// Spends so many bits on a second of voice. Nothing for G.711, which has one rate.
    ///
    /// # Errors
    /// [`CodecError::NotReady`] for a rate that Opus does not have.
    pub fn set_bits_per_second(&mut self, bits: i32) -> Result<(), CodecError> {
        match self {
            Self::Pcma | Self::Pcmu => {
                let _ = bits;
                Ok(())
            }
            #[cfg(feature = "opus")]
            Self::Opus(encoder) | Self::LightOpus(encoder) => encoder.set_bitrate(opus::Bitrate::Bits(bits)).map_err(not_ready),
        }
    }

    /// Samples by which what is decoded comes later than what was encoded.
    #[must_use]
    pub fn samples_behind(&mut self) -> usize {
        match self {
            Self::Pcma | Self::Pcmu => 0,
            #[cfg(feature = "opus")]
            Self::Opus(encoder) | Self::LightOpus(encoder) => {
                encoder.get_lookahead().map_or(0, |samples| usize::try_from(samples).unwrap_or(0))
            }
        }
    }

    /// Tells how many packets the far side misses now, in percent, so that correction follows the need. Nothing for G.711.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), CodecError> {
        match self {
            Self::Pcma | Self::Pcmu => {
                let _ = percent;
                Ok(())
            }
            #[cfg(feature = "opus")]
            Self::Opus(encoder) => expect_loss(encoder, BITS_PER_SECOND, percent).map_err(not_ready),
            #[cfg(feature = "opus")]
            Self::LightOpus(encoder) => expect_loss(encoder, LIGHT_BITS_PER_SECOND, percent).map_err(not_ready),
        }
    }
}

fn whole(samples: &[i16], done: usize) -> Result<usize, CodecError> {
    if done == samples.len() { Ok(done) } else { Err(CodecError::BadFrame) }
}

/// One stream's receiving side. Opus remembers: payloads must come in the order in which they were made.
#[derive(Debug)]
pub enum Decoder {
    /// G.711 A-law: no state.
    Pcma,
    /// G.711 µ-law: no state.
    Pcmu,
    /// libopus. Never locked: the mutex only lets those who hold a decoder be shared between threads, which `opus::Decoder` does not.
    #[cfg(feature = "opus")]
    Opus(std::sync::Mutex<opus::Decoder>),
}

impl Decoder {
    /// Decodes a payload; gives the number of samples. Does not allocate.
    ///
    /// # Errors
    /// [`CodecError::BadPayload`].
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD_BYTES {
            return Err(CodecError::BadPayload);
        }
        match self {
            Self::Pcma if payload.len() <= samples.len() => Ok(decode_alaw(payload, samples)),
            Self::Pcmu if payload.len() <= samples.len() => Ok(decode_ulaw(payload, samples)),
            Self::Pcma | Self::Pcmu => Err(CodecError::BadPayload),
            #[cfg(feature = "opus")]
            Self::Opus(decoder) => own(decoder).decode(payload, samples, false).map_err(|_| CodecError::BadPayload),
        }
    }

    /// Recovers the frame that was lost just before `next`, from what `next` carries of it; all of `samples`, which has the lost frame's
    /// length. `next` itself is to be decoded afterwards. False: this codec carries nothing of the kind, nothing was done.
    pub fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> bool {
        match self {
            Self::Pcma | Self::Pcmu => {
                let _ = (next, samples);
                false
            }
            #[cfg(feature = "opus")]
            Self::Opus(decoder) => !next.is_empty() && own(decoder).decode(next, samples, true).is_ok_and(|made| made == samples.len()),
        }
    }

    /// Invents the next samples, which are lost (a multiple of 2.5 ms). False: the codec cannot (G.711: see `conceal`), nothing was done.
    pub fn conceal(&mut self, samples: &mut [i16]) -> bool {
        match self {
            Self::Pcma | Self::Pcmu => {
                let _ = samples;
                false
            }
            #[cfg(feature = "opus")]
            Self::Opus(decoder) => own(decoder).decode(&[], samples, false).is_ok_and(|made| made == samples.len()),
        }
    }

    /// Samples in a payload, without decoding it; `None` if it is no valid one.
    #[must_use]
    pub fn samples_in(&self, payload: &[u8]) -> Option<usize> {
        match self {
            Self::Pcma | Self::Pcmu => Some(payload.len()),
            #[cfg(feature = "opus")]
            Self::Opus(_) => opus::packet::get_nb_samples(payload, SAMPLE_RATE).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_laws_of_g711_go_through_the_seam_unchanged() {
        for (codec, silence) in [(Codec::Pcma, crate::g711::ALAW_SILENCE), (Codec::Pcmu, crate::g711::ULAW_SILENCE)] {
            let (mut encoder, mut decoder) = (codec.encoder().expect("no state"), codec.decoder().expect("no state"));
            let mut payload = [1; 200];
            assert_eq!(encoder.encode(&[0; 160], &mut payload), Ok(160));
            assert!(payload[..160].iter().all(|byte| *byte == silence) && payload[160] == 1);
            let every: Vec<u8> = (0..=255).collect();
            let (mut samples, mut again) = ([0; 256], [0; 256]);
            assert_eq!(decoder.decode(&every, &mut samples), Ok(256));
            assert_eq!(encoder.encode(&samples, &mut again), Ok(256));
            assert!(
                every.iter().zip(again).filter(|(byte, other)| *byte != other).count() <= 1,
                "only the second zero of µ-law may differ"
            );
            assert!(!decoder.conceal(&mut samples) && !decoder.recover(&every, &mut samples));
            assert_eq!((codec.ticks_per_sample(), decoder.samples_in(&every)), (1, Some(256)));
        }
        assert_eq!([Codec::Pcma, Codec::Pcmu].map(Codec::static_payload_type), [Some(8), Some(0)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (mut encoder, mut decoder) = (Encoder::Pcma, Decoder::Pcma);
        assert_eq!(encoder.encode(&[0; 160], &mut [0; 159]), Err(CodecError::BadFrame));
        assert_eq!(decoder.decode(&[0; 160], &mut [0; 159]), Err(CodecError::BadPayload));
        assert_eq!(decoder.decode(&[], &mut [0; 159]), Err(CodecError::BadPayload));
        assert_eq!(decoder.decode(&[0; 481], &mut [0; 600]), Err(CodecError::BadPayload));
    }

    #[cfg(feature = "opus")]
    mod opus {
        use super::super::*;
        use crate::FRAME_SAMPLES;

        const LOSSY: Codec = Codec::Opus { expected_loss_percent: 10 };

        fn speech() -> Vec<i16> {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/prompts/citizen.zh.wav");
            hound::WavReader::open(path).expect("a committed file").samples().map(|sample| sample.expect("16 bits")).collect()
        }

        fn packets(codec: Codec) -> Vec<Vec<u8>> {
            let mut encoder = codec.encoder().expect("libopus is there");
            let mut payload = [0; MAX_PAYLOAD_BYTES];
            let mut encode = |frame: &[i16]| {
                let length = encoder.encode(frame, &mut payload).expect("20 ms are a frame");
                payload[..length].to_vec()
            };
            speech().chunks_exact(FRAME_SAMPLES).map(&mut encode).collect()
        }

        fn error(a: &[i16], b: &[i16]) -> f64 {
            a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
        }

        #[test]
        fn speech_goes_through_and_takes_less_than_g711_and_still_less_without_correction() {
            for (codec, most_bytes) in [(LOSSY, 140), (Codec::Opus { expected_loss_percent: 0 }, 100)] {
                let packets = packets(codec);
                let mut decoder = codec.decoder().expect("libopus is there");
                let mut heard = Vec::new();
                for packet in &packets {
                    assert_eq!(decoder.samples_in(packet), Some(FRAME_SAMPLES));
                    let mut frame = [0; FRAME_SAMPLES];
                    assert_eq!(decoder.decode(packet, &mut frame), Ok(FRAME_SAMPLES));
                    heard.extend(frame);
                }
                let sent = speech();
                let found = crate::correlate::find(&sent[8_000..24_000], &heard).expect("speech");
                assert!(found.correlation > 0.95, "{found:?}");
                let mean = packets.iter().map(Vec::len).sum::<usize>() / packets.len();
                assert!(mean <= most_bytes, "{mean} bytes in a packet");
            }
        }

        /// Whether a packet was made by the transform (RFC 6716 table 2).
        fn is_transform(packet: &[u8]) -> bool {
            packet[0] >> 3 >= 16
        }

        #[test]
        fn a_light_encoder_uses_the_transform_until_loss_is_expected_and_again_afterwards() {
            let mut encoder = Codec::Opus { expected_loss_percent: 0 }.light_encoder().expect("libopus is there");
            let mut decoder = LOSSY.decoder().expect("libopus is there");
            let (mut payload, mut heard, mut bytes) = ([0; MAX_PAYLOAD_BYTES], Vec::new(), 0);
            let sent = speech();
            for (number, frame) in sent.chunks_exact(FRAME_SAMPLES).enumerate() {
                let loss = if (100..200).contains(&number) { 5 } else { 0 };
                // As the media thread does: told again and again, which must change nothing.
                encoder.set_expected_loss(loss).expect("a valid rate");
                let length = encoder.encode(frame, &mut payload).expect("20 ms are a frame");
                // The first frame after a change may still be of the other way.
                assert!(number % 100 == 0 || is_transform(&payload[..length]) == (loss == 0), "frame {number}");
                bytes += length;
                let mut frame = [0; FRAME_SAMPLES];
                assert_eq!(decoder.decode(&payload[..length], &mut frame), Ok(FRAME_SAMPLES));
                heard.extend(frame);
            }
            assert!(bytes < sent.len() * 7 / 8, "{bytes} bytes: hardly less than G.711's");
            let found = crate::correlate::find(&sent[8_000..24_000], &heard).expect("speech");
            assert!(found.correlation > 0.95, "{found:?}");
        }

        #[test]
        fn a_light_encoder_changes_its_way_without_a_click_or_a_gap() {
            let mut encoder = Codec::Opus { expected_loss_percent: 0 }.light_encoder().expect("libopus is there");
            let mut decoder = LOSSY.decoder().expect("libopus is there");
            let tone = |n: usize| ((n as f64) * 0.343).sin() * 8_000.0;
            let mut payload = [0; MAX_PAYLOAD_BYTES];
            let mut heard = Vec::new();
            for number in 0..150 {
                encoder.set_expected_loss(if (50..100).contains(&number) { 5 } else { 0 }).expect("a valid rate");
                let frame: [i16; FRAME_SAMPLES] = std::array::from_fn(|place| tone(number * FRAME_SAMPLES + place) as i16);
                let length = encoder.encode(&frame, &mut payload).expect("20 ms are a frame");
                let mut frame = [0; FRAME_SAMPLES];
                assert_eq!(decoder.decode(&payload[..length], &mut frame), Ok(FRAME_SAMPLES));
                heard.extend(frame);
            }
            let heard = &heard[FRAME_SAMPLES..];
            for (place, pair) in heard.windows(2).enumerate() {
                let step = pair[1].abs_diff(pair[0]);
                assert!(step < 3_000, "a click of {step} at sample {place}: the tone's own largest step is 2,744");
            }
            for (place, part) in heard.chunks_exact(40).enumerate() {
                let energy = part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 40.0;
                assert!(energy.sqrt() > 2_800.0, "a gap {} ms from the start: {energy}", 20 + place * 5);
            }
        }

        /// Sum of errors of the lost frames against those decoded without loss: (corrected, concealed).
        fn errors_of_lost_frames(codec: Codec) -> (f64, f64) {
            let packets = packets(codec);
            let [mut whole, mut corrected, mut concealed] = [(); 3].map(|()| codec.decoder().expect("libopus is there"));
            let mut sums = (0.0, 0.0);
            let mut frames = [[0; FRAME_SAMPLES]; 3];
            for (number, packet) in packets.iter().enumerate() {
                whole.decode(packet, &mut frames[0]).expect("valid");
                if number % 9 == 5 && number + 1 < packets.len() {
                    assert!(corrected.recover(&packets[number + 1], &mut frames[1]) && concealed.conceal(&mut frames[2]));
                    sums.0 += error(&frames[0], &frames[1]);
                    sums.1 += error(&frames[0], &frames[2]);
                } else {
                    corrected.decode(packet, &mut frames[1]).expect("valid");
                    concealed.decode(packet, &mut frames[2]).expect("valid");
                }
            }
            sums
        }

        #[test]
        fn a_lost_frame_comes_back_from_the_next_packet_if_loss_was_expected() {
            let (corrected, concealed) = errors_of_lost_frames(LOSSY);
            assert!(corrected < concealed / 2.0, "{corrected} against {concealed}");
            let (corrected, concealed) = errors_of_lost_frames(Codec::Opus { expected_loss_percent: 0 });
            assert!(corrected > concealed * 0.9, "nothing was sent along, yet {corrected} against {concealed}");
        }

        #[test]
        fn random_payloads_are_survived() {
            let mut random = fastrand::Rng::with_seed(11);
            let mut decoder = LOSSY.decoder().expect("libopus is there");
            let (mut payload, mut samples) = ([0; MAX_PAYLOAD_BYTES], [0; crate::MAX_PACKET_SAMPLES]);
            for _ in 0..5_000 {
                random.fill(&mut payload);
                let payload = &payload[..random.usize(..=MAX_PAYLOAD_BYTES)];
                let _ = decoder.samples_in(payload);
                let _ = decoder.decode(payload, &mut samples);
                let _ = decoder.recover(payload, &mut samples[..FRAME_SAMPLES]);
            }
        }
    }
}
