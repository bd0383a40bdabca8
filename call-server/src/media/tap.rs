//! The recorder's ear: every packet of a joined call goes into its ring, as it came. Never waits; what finds no room is counted.

use super::counters::Counters;
use super::frame::{Channel, TAP_FRAME_SAMPLES, TapAudio, TapFrame, TapKind};
use shared::model::RecordingId;
use voice::rtp::Header;

/// Room kept for marks: without its `End` a recording would not know where the talk stopped.
const KEPT_FOR_MARKS: usize = 64;

/// The media thread's end of the ring.
#[derive(Debug)]
pub(super) struct Tap {
    ring: rtrb::Producer<TapFrame>,
}

impl Tap {
    /// Writes into this ring.
    pub(super) fn new(ring: rtrb::Producer<TapFrame>) -> Self {
        Self { ring }
    }

    /// A mark.
    pub(super) fn mark(&mut self, counters: &Counters, recording: RecordingId, arrival_us: u64, kind: TapKind) {
        if self.ring.push(TapFrame { recording, arrival_us, kind }).is_err() {
            counters.taps_lost.bump();
        }
    }

    /// One packet's A-law samples, split into frames.
    pub(super) fn audio(&mut self, counters: &Counters, arrival_us: u64, place: Place, header: &Header, samples: &[u8]) {
        let mut timestamp = header.timestamp;
        for piece in samples.chunks(TAP_FRAME_SAMPLES) {
            let kind = TapKind::Audio(audio(place.channel, header.ssrc, timestamp, piece));
            let has_room = self.ring.cached_slots() > KEPT_FOR_MARKS || self.ring.slots() > KEPT_FOR_MARKS;
            let frame = TapFrame { recording: place.recording, arrival_us, kind };
            if !has_room || self.ring.push(frame).is_err() {
                counters.taps_lost.bump();
            }
            timestamp = timestamp.wrapping_add(piece.len() as u32);
        }
    }
}

/// Where a voice belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// In which recording.
    pub(super) recording: RecordingId,
    /// On which side.
    pub(super) channel: Channel,
}

fn audio(channel: Channel, ssrc: u32, timestamp: u32, piece: &[u8]) -> TapAudio {
    let mut samples = [voice::g711::ALAW_SILENCE; TAP_FRAME_SAMPLES];
    let length = piece.len().min(TAP_FRAME_SAMPLES);
    samples[..length].copy_from_slice(&piece[..length]);
    TapAudio { channel, ssrc, timestamp, length: length as u8, samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { recording: RecordingId(3), channel: Channel::Agent };

    fn header(timestamp: u32) -> Header {
        Header { marker: false, payload_type: 8, sequence: 1, timestamp, ssrc: 5 }
    }

    #[test]
    fn a_long_packet_is_split_and_keeps_its_times() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(1_000);
        let samples: Vec<u8> = (0..=255).cycle().take(400).collect();
        Tap::new(producer).audio(&Counters::default(), 77, PLACE, &header(u32::MAX - 159), &samples);
        let mut heard = Vec::new();
        let mut times = Vec::new();
        while let Ok(TapFrame { arrival_us: 77, kind: TapKind::Audio(audio), .. }) = consumer.pop() {
            heard.extend_from_slice(&audio.samples[..usize::from(audio.length)]);
            times.push((audio.timestamp, audio.length));
        }
        assert_eq!(heard, samples);
        assert_eq!(times, [(u32::MAX - 159, 160), (0, 160), (160, 80)]);
    }

    #[test]
    fn a_full_ring_loses_audio_but_still_takes_marks() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(KEPT_FOR_MARKS + 2);
        let (mut tap, counters) = (Tap::new(producer), Counters::default());
        (0..5).for_each(|number| tap.audio(&counters, 0, PLACE, &header(number), &[0; 160]));
        assert_eq!(counters.snapshot().taps_lost, 3);
        tap.mark(&counters, PLACE.recording, 0, TapKind::End);
        assert_eq!(counters.snapshot().taps_lost, 3);
        assert!(consumer.pop().is_ok());
    }
}
