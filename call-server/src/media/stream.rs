//! One outgoing RTP stream: one source, numbers that rise by one, times that never go back, whatever is sent through it: music, silence, or
//! one voice after another (RFC 3550 section 5.1).

use voice::rtp::{Header, MAX_DROPOUT, SequenceWindow, WINDOW_PACKETS};

/// The state of the stream.
#[derive(Debug)]
pub(super) struct OutgoingStream {
    ssrc: u32,
    payload_type: u8,
    first_timestamp: u32,
    /// Behind the newest sample sent.
    end: u32,
    /// Numbers sent, extended so that they do not wrap. A number is never sent twice: SRTP's secrecy depends on it.
    sent: SequenceWindow,
    source: Option<Source>,
    event_start: u32,
}

/// After a pause of more samples (100 ms) a stream's time begins anew; a shorter one is what a far side's buffer bridges without a gap.
const LONGEST_BRIDGED: i32 = 800;

/// The voice that is passed on.
#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    number_offset: u16,
    timestamp_offset: u32,
    first_number: u64,
}

impl OutgoingStream {
    /// A stream that has sent nothing. Of `start`, random, the stream takes its first number, below 2^15 so that the SRTP receiver cannot
    /// miss a rollover at the beginning (RFC 3711 section 3.3.1), and its first timestamp.
    pub(super) fn new(ssrc: u32, payload_type: u8, start: u64) -> Self {
        let mut sent = SequenceWindow::default();
        sent.note(start & 0x7FFF);
        let first_timestamp = (start >> 32) as u32;
        Self { ssrc, payload_type, first_timestamp, end: first_timestamp, sent, source: None, event_start: first_timestamp }
    }

    /// The payload type from now on.
    pub(super) fn set_payload_type(&mut self, payload_type: u8) {
        self.payload_type = payload_type;
    }

    /// The header for samples of our own that are due at `due_us`.
    pub(super) fn originate(&mut self, due_us: u64, samples: usize) -> Header {
        let continues = self.source.take().is_none();
        let number = self.newest() + 1;
        let timestamp = later(self.end, self.timestamp_at(due_us));
        self.note(number, timestamp, samples);
        Header { marker: !continues, payload_type: self.payload_type, sequence: number as u16, timestamp, ssrc: self.ssrc }
    }

    /// The header for a packet that is passed on at `now_us`: gaps, disorder and lengths stay as they are. `None` for a packet that was
    /// passed on before, or is from before what was passed on since.
    pub(super) fn relay(&mut self, now_us: u64, header: &Header, samples: usize) -> Option<Header> {
        let known = self.source.filter(|source| source.ssrc == header.ssrc);
        let known = known.and_then(|source| Some((source, self.number_near(header.sequence.wrapping_add(source.number_offset))?)));
        let is_new = known.is_none();
        let (source, number) = known.unwrap_or_else(|| self.adopt(now_us, header));
        if number < source.first_number || !self.sent.allows(number) {
            return None;
        }
        let timestamp = header.timestamp.wrapping_add(source.timestamp_offset);
        self.note(number, timestamp, samples);
        Some(Header {
            marker: header.marker || is_new,
            payload_type: self.payload_type,
            sequence: number as u16,
            timestamp,
            ssrc: self.ssrc,
        })
    }

    /// The header for samples that follow what was sent before without a gap, whoever said that: what a mixer makes. Only a stream that has
    /// rested begins anew at the time it is.
    pub(super) fn proceed(&mut self, now_us: u64, samples: usize) -> Header {
        self.source = None;
        let number = self.newest() + 1;
        let timestamp = self.next_timestamp(now_us);
        let marker = timestamp != self.end;
        self.note(number, timestamp, samples);
        Header { marker, payload_type: self.payload_type, sequence: number as u16, timestamp, ssrc: self.ssrc }
    }

    /// The header for a packet of a telephone event (RFC 4733): all of its packets name the moment of its beginning. `first` begins one;
    /// its samples are counted as sent when it ends.
    pub(super) fn event(&mut self, now_us: u64, payload_type: u8, first: bool, duration: u16) -> Header {
        self.source = None;
        let number = self.newest() + 1;
        if first {
            self.event_start = self.next_timestamp(now_us);
        }
        self.sent.note(number);
        self.end = self.event_start.wrapping_add(u32::from(duration));
        Header { marker: first, payload_type, sequence: number as u16, timestamp: self.event_start, ssrc: self.ssrc }
    }

    /// The stream's source.
    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Behind the newest sample sent.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Where the next samples belong: behind what was sent, unless the stream has rested for longer than a buffer bridges.
    fn next_timestamp(&self, now_us: u64) -> u32 {
        let now = self.timestamp_at(now_us);
        let rested = now.wrapping_sub(self.end).cast_signed();
        if rested > LONGEST_BRIDGED { now } else { self.end }
    }

    fn adopt(&mut self, now_us: u64, header: &Header) -> (Source, u64) {
        let number = self.newest() + 1;
        let source = Source {
            ssrc: header.ssrc,
            number_offset: (number as u16).wrapping_sub(header.sequence),
            timestamp_offset: self.next_timestamp(now_us).wrapping_sub(header.timestamp),
            first_number: number,
        };
        self.source = Some(source);
        (source, number)
    }

    fn newest(&self) -> u64 {
        self.sent.newest().unwrap_or(0)
    }

    /// The extended number nearest to the newest one; none if the source has leapt.
    fn number_near(&self, sequence: u16) -> Option<u64> {
        let step = sequence.wrapping_sub(self.newest() as u16).cast_signed();
        let most = if step > 0 { MAX_DROPOUT } else { WINDOW_PACKETS - 1 };
        let near = u64::from(step.unsigned_abs()) <= most;
        near.then(|| self.newest().saturating_add_signed(i64::from(step)))
    }

    fn timestamp_at(&self, time_us: u64) -> u32 {
        self.first_timestamp.wrapping_add((time_us.saturating_mul(8) / 1_000) as u32)
    }

    fn note(&mut self, number: u64, timestamp: u32, samples: usize) {
        if number > self.newest() {
            self.end = timestamp.wrapping_add(samples as u32);
        }
        self.sent.note(number);
    }
}

fn later(a: u32, b: u32) -> u32 {
    if b.wrapping_sub(a).cast_signed() > 0 { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = (0xFFFF_FF00 << 32) | 0xFFFE;

    fn voice(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 9 }
    }

    fn stream() -> OutgoingStream {
        OutgoingStream::new(1, 8, START)
    }

    #[test]
    fn music_is_counted_without_a_gap_even_over_the_wrap() {
        let mut stream = stream();
        let mut before = stream.originate(0, 160);
        for frame in 1_u64..100_000 {
            let header = stream.originate(frame * 20_000, 160);
            assert_eq!(header.sequence, before.sequence.wrapping_add(1));
            assert_eq!(header.timestamp, before.timestamp.wrapping_add(160));
            before = header;
        }
    }

    #[test]
    fn a_voice_follows_the_music_without_a_step_back_and_keeps_its_own_gaps() {
        let mut stream = stream();
        let music = stream.originate(40_000, 160);
        let first = stream.relay(43_000, &voice(65_535, 77), 160).expect("sent on");
        assert_eq!((first.sequence, first.timestamp), (music.sequence.wrapping_add(1), music.timestamp.wrapping_add(160)));
        assert!(first.marker && first.payload_type == 8 && first.ssrc == 1);
        let after_loss = stream.relay(90_000, &voice(2, 77 + 3 * 160), 160).expect("sent on");
        assert_eq!(after_loss.sequence, first.sequence.wrapping_add(3));
        assert_eq!(after_loss.timestamp, first.timestamp.wrapping_add(480));
        assert!(!after_loss.marker);
        let late = stream.relay(91_000, &voice(1, 77 + 2 * 160), 160).expect("sent on");
        assert_eq!(late.sequence, first.sequence.wrapping_add(2));
    }

    #[test]
    fn no_number_is_sent_twice() {
        let mut stream = stream();
        let sequences: Vec<u16> = [100_u16, 101, 101, 103, 102, 100, 99, 103]
            .iter()
            .filter_map(|sequence| stream.relay(0, &voice(*sequence, 0), 160))
            .map(|header| header.sequence)
            .collect();
        let first = sequences[0];
        assert_eq!(sequences, [first, first + 1, first + 3, first + 2]);
    }

    #[test]
    fn a_source_that_leaps_or_changes_is_taken_up_anew() {
        let mut stream = stream();
        let first = stream.relay(0, &voice(10, 0), 160).expect("sent on");
        let leapt = stream.relay(20_000, &voice(40_000, 123_456), 160).expect("sent on");
        let other = stream.relay(40_000, &Header { ssrc: 4, ..voice(5, 99) }, 160).expect("sent on");
        assert_eq!(leapt.sequence, first.sequence.wrapping_add(1));
        assert_eq!(leapt.timestamp, first.timestamp.wrapping_add(160));
        assert_eq!(other.sequence, first.sequence.wrapping_add(2));
        assert!(leapt.marker && other.marker);
    }

    #[test]
    fn a_straggler_from_before_a_change_is_not_sent_on() {
        let mut stream = stream();
        assert!(stream.relay(0, &voice(10, 0), 160).is_some() && stream.relay(0, &voice(15, 800), 160).is_some());
        stream.originate(0, 160);
        assert!(stream.relay(0, &voice(20, 1_600), 160).is_some());
        assert_eq!((11..20).filter_map(|number| stream.relay(0, &voice(number, 0), 160)).count(), 0);
    }

    #[test]
    fn a_source_that_steps_back_far_is_taken_up_anew() {
        let mut stream = stream();
        let first = stream.relay(0, &voice(5_000, 0), 160).expect("sent on");
        let second = stream.relay(0, &voice(4_000, 0), 160).expect("sent on");
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    }

    #[test]
    fn random_headers_never_give_a_number_twice() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut stream = stream();
        let mut extender = voice::rtp::SequenceExtender::default();
        let mut sent = std::collections::HashSet::new();
        for now in 0..60_000 {
            let header = Header { ssrc: random.u32(..2), ..voice(random.u16(..300), random.u32(..)) };
            let header = if random.u8(..) < 25 { Some(stream.originate(now, 160)) } else { stream.relay(now, &header, 160) };
            if let Some(header) = header {
                assert!(sent.insert(extender.extend(header.sequence)), "number {} came twice", header.sequence);
            }
        }
    }
}
