//! One voice that may change its codec while it is heard (RFC 3550: another payload type in the same stream): a jitter buffer for the codec
//! that is heard, one for the codec that comes, and the hand-over between them without a gap or a click.
//!
//! Not here: which codec is sent, packets, encryption.

use crate::FRAME_SAMPLES;
use crate::codec::{Codec, CodecError};
use crate::jitter::{JitterBuffer, JitterStats};
use crate::rtp::Header;

/// Over so many samples the older voice, which is concealed from its end on, fades into the newer one, whose decoder begins at silence.
const FADE: usize = 80;

/// The ear for one stream.
#[derive(Debug)]
pub struct Ear {
    heard: Stream,
    /// Of the codec that has come since, until it sounds.
    newer: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    codec: Codec,
    buffer: JitterBuffer,
}

impl Stream {
    fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self { codec, buffer: JitterBuffer::for_codec(codec)? })
    }
}

impl Ear {
    /// Nothing was heard yet. Allocates, as does the first packet of another codec.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self { heard: Stream::new(codec)?, newer: None })
    }

    /// Takes a packet's payload that arrived at `now_us` (any monotonic clock, the same as in [`Ear::pull`]).
    ///
    /// # Errors
    /// [`CodecError::NotReady`]: the packet is as good as lost.
    pub fn insert(&mut self, now_us: u64, header: &Header, payload: &[u8], codec: Codec) -> Result<(), CodecError> {
        self.stream(codec)?.buffer.insert_payload(now_us, header, payload);
        Ok(())
    }

    fn stream(&mut self, codec: Codec) -> Result<&mut Stream, CodecError> {
        if self.heard.codec == codec {
            return Ok(&mut self.heard);
        }
        let newer = match self.newer.take().filter(|newer| newer.codec == codec) {
            Some(newer) => newer,
            None => {
                let mut newer = Stream::new(codec)?;
                newer.buffer.follow(&self.heard.buffer);
                newer
            }
        };
        Ok(self.newer.insert(newer))
    }

    /// The next 20 ms, to be called every 20 ms.
    pub fn pull(&mut self, now_us: u64) -> [i16; FRAME_SAMPLES] {
        let mut frame = self.heard.buffer.pull(now_us);
        let Some(mut newer) = self.newer.take() else { return frame };
        let next = newer.buffer.pull(now_us);
        if newer.buffer.is_playing() {
            frame = fade(&frame, &next);
            self.heard = newer;
        } else {
            self.newer = Some(newer);
        }
        frame
    }

    /// How the voice that is heard is coded.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.heard.codec
    }

    /// What came so far in the codec that is heard.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        self.heard.buffer.stats()
    }
}

fn fade(from: &[i16; FRAME_SAMPLES], to: &[i16; FRAME_SAMPLES]) -> [i16; FRAME_SAMPLES] {
    std::array::from_fn(|place| {
        let way = (place as i32).min(FADE as i32);
        ((i32::from(from[place]) * (FADE as i32 - way) + i32::from(to[place]) * way) / FADE as i32) as i16
    })
}

#[cfg(all(test, feature = "opus"))]
mod tests {
    use super::*;
    use crate::FRAME_US;
    use crate::codec::{Encoder, MAX_PAYLOAD_BYTES};

    const OPUS: Codec = Codec::Opus { expected_loss_percent: 0 };

    /// A low tone: what is not smooth in it is easily seen.
    fn tone(frame: usize) -> [i16; FRAME_SAMPLES] {
        std::array::from_fn(|n| {
            let time = (frame * FRAME_SAMPLES + n) as f64 / 8_000.0;
            (8_000.0 * (std::f64::consts::TAU * 200.0 * time).sin()) as i16
        })
    }

    struct Speaker {
        encoder: Encoder,
        codec: Codec,
    }

    impl Speaker {
        fn new(codec: Codec) -> Self {
            Self { encoder: codec.encoder().expect("a coder"), codec }
        }

        fn say(&mut self, ear: &mut Ear, frame: usize) {
            let mut payload = [0; MAX_PAYLOAD_BYTES];
            let length = self.encoder.encode(&tone(frame), &mut payload).expect("20 ms are a frame");
            let timestamp = (frame * FRAME_SAMPLES) as u32 * self.codec.ticks_per_sample();
            let header = Header { marker: false, payload_type: 0, sequence: frame as u16, timestamp, ssrc: 5 };
            ear.insert(frame as u64 * FRAME_US, &header, &payload[..length], self.codec).expect("a decoder");
        }
    }

    /// What is heard when the codec of every frame from `change` on, until `back`, is the other one; and at which frame it was heard first.
    fn heard(first: Codec, second: Codec, change: usize, back: usize) -> (Vec<i16>, Option<usize>) {
        let mut ear = Ear::new(first).expect("a decoder");
        let mut speakers = [Speaker::new(first), Speaker::new(second)];
        let (mut all, mut at) = (Vec::new(), None);
        for frame in 0..200 {
            speakers[usize::from((change..back).contains(&frame))].say(&mut ear, frame);
            all.extend(ear.pull(frame as u64 * FRAME_US + 7_000));
            at = at.or((ear.codec() == second).then_some(frame));
        }
        (all, at)
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_voice_goes_on_without_a_click_or_a_gap_when_its_codec_changes() {
        let (whole, _) = heard(Codec::Pcma, OPUS, 200, 200);
        let usual = largest_step(&whole[1_600..]);
        for (first, second) in [(Codec::Pcma, OPUS), (OPUS, Codec::Pcma)] {
            let (all, at) = heard(first, second, 100, 160);
            let at = at.expect("the other codec was heard");
            assert!((100..105).contains(&at), "handed over when what came before had ended: {at}");
            let around = &all[95 * FRAME_SAMPLES..];
            assert!(largest_step(around) < usual * 3 / 2, "{} of {usual} from {first:?} to {second:?}", largest_step(around));
            let quietest = around.chunks(40).map(|piece| piece.iter().map(|sample| sample.unsigned_abs()).max()).min().flatten();
            assert!(quietest > Some(3_500), "a gap from {first:?} to {second:?}: {quietest:?}");
        }
    }

    #[test]
    fn the_delay_that_was_needed_before_is_kept() {
        let mut ear = Ear::new(Codec::Pcma).expect("a decoder");
        let (mut pcma, mut opus) = (Speaker::new(Codec::Pcma), Speaker::new(OPUS));
        // Four packets at once each 80 ms.
        for burst in 0..60 {
            for frame in 4 * burst..4 * burst + 4 {
                if burst < 40 { pcma.say(&mut ear, frame) } else { opus.say(&mut ear, frame) }
            }
            for turn in 0..4 {
                let _ = ear.pull((4 * burst + turn) as u64 * FRAME_US + 7_000);
            }
        }
        assert_eq!(ear.codec(), OPUS);
        assert!(ear.stats().target_ms >= 60, "{:?}", ear.stats());
        assert_eq!(ear.stats().concealed_samples, 0, "{:?}", ear.stats());
    }
}
