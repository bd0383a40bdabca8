//! Keys pressed on a telephone, carried as named events in RTP (RFC 4733 section 2): reading, counting once, and sending.
//!
//! Not here: tones in the audio itself.

use crate::FRAME_SAMPLES;

/// Length of an event's payload, in bytes.
pub const EVENT_BYTES: usize = 4;
/// How often the last packet of an event is sent (section 2.5.1.4).
const END_PACKETS: u8 = 3;
/// A longer event is cut into segments of this many timestamp units (section 2.5.1.3).
const SEGMENT: u32 = 0xFFFF;
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// One report on one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Which: 0 to 15 are keys, others exist.
    pub code: u8,
    /// The key was released.
    pub end: bool,
    /// Power below 0 dBm0, in dB, 0 to 63.
    pub volume: u8,
    /// Length so far, in timestamp units.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; `None` if it is too short.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *payload.first_chunk::<EVENT_BYTES>()?;
        Some(Self { code, end: flags & 0x80 != 0, volume: flags & 0x3F, duration: u16::from_be_bytes([high, low]) })
    }

    /// Writes the payload.
    #[must_use]
    pub fn write(&self) -> [u8; EVENT_BYTES] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, (u8::from(self.end) << 7) | (self.volume & 0x3F), high, low]
    }

    /// The key, one of `0-9*#ABCD`, or `None` for an event that is no key.
    #[must_use]
    pub fn key(&self) -> Option<char> {
        KEYS.get(usize::from(self.code)).copied().map(char::from)
    }
}

/// Counts each pressed key once, however many packets report it and whichever of them are lost or out of order.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyReader {
    last: Option<LastEvent>,
}

#[derive(Debug, Clone, Copy)]
struct LastEvent {
    ssrc: u32,
    timestamp: u32,
    code: u8,
}

impl KeyReader {
    /// The key if this packet is the first seen of its event.
    pub fn read(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let event = Event::read(payload)?;
        let key = event.key()?;
        let before = self.last.filter(|last| last.ssrc == ssrc);
        let age = before.map(|last| timestamp.wrapping_sub(last.timestamp).cast_signed());
        if age.is_some_and(|age| age <= 0) {
            return None;
        }
        self.last = Some(LastEvent { ssrc, timestamp, code: event.code });
        let continues = before.is_some_and(|last| last.code == event.code && timestamp.wrapping_sub(last.timestamp) == SEGMENT);
        (!continues).then_some(key)
    }
}

/// One packet to be sent; its timestamp is that of the event's beginning in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// RTP marker: set on the first.
    pub marker: bool,
    /// RTP payload.
    pub payload: [u8; EVENT_BYTES],
}

/// The packets of one pressed key, one for each 20 ms, the last one three times.
#[derive(Debug, Clone)]
pub struct KeySender {
    code: u8,
    frames: u16,
    sent: u16,
    ends: u8,
}

impl KeySender {
    /// A key of `0-9*#ABCD` (small letters too), held for `frames` times 20 ms, at least one and at most 400. `None` for another character.
    #[must_use]
    pub fn new(key: char, frames: u16) -> Option<Self> {
        let key = key.to_ascii_uppercase();
        let code = KEYS.iter().position(|known| char::from(*known) == key)?;
        Some(Self { code: u8::try_from(code).ok()?, frames: frames.clamp(1, 400), sent: 0, ends: 0 })
    }
}

impl Iterator for KeySender {
    type Item = EventPacket;

    fn next(&mut self) -> Option<EventPacket> {
        if self.ends == END_PACKETS {
            return None;
        }
        let marker = self.sent == 0;
        self.sent = (self.sent + 1).min(self.frames);
        let end = self.sent == self.frames;
        self.ends += u8::from(end);
        let event = Event { code: self.code, end, volume: 10, duration: self.sent * FRAME_SAMPLES as u16 };
        Some(EventPacket { marker: marker && self.ends <= 1, payload: event.write() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_with_growing_length_and_three_ends() {
        let packets: Vec<EventPacket> = KeySender::new('5', 4).expect("a key").collect();
        let events: Vec<Event> = packets.iter().map(|packet| Event::read(&packet.payload).expect("4 bytes")).collect();
        assert_eq!(events.iter().map(|event| event.duration).collect::<Vec<_>>(), [160, 320, 480, 640, 640, 640]);
        assert_eq!(events.iter().map(|event| event.end).collect::<Vec<_>>(), [false, false, false, true, true, true]);
        assert_eq!(packets.iter().map(|packet| packet.marker).collect::<Vec<_>>(), [true, false, false, false, false, false]);
        assert!(events.iter().all(|event| event.key() == Some('5')));
        assert!(KeySender::new('x', 4).is_none());
    }

    #[test]
    fn each_key_is_counted_once_in_spite_of_loss_disorder_and_repetition() {
        let mut random = fastrand::Rng::with_seed(4);
        let keys = "0123456789*#ABCD9911";
        let mut packets: Vec<(u32, [u8; EVENT_BYTES])> = Vec::new();
        for (number, key) in keys.chars().enumerate() {
            let timestamp = 0xFFFF_F000_u32.wrapping_add(1_600 * u32::try_from(number).expect("few keys"));
            let mut event: Vec<_> = KeySender::new(key, 5).expect("a key").map(|packet| (timestamp, packet.payload)).collect();
            event.swap_remove(random.usize(..event.len()));
            packets.extend(event);
        }
        for place in (0..packets.len() - 3).step_by(2) {
            packets.swap(place, place + random.usize(..2));
        }
        let mut reader = KeyReader::default();
        let read: String = packets.iter().filter_map(|(timestamp, payload)| reader.read(1, *timestamp, payload)).collect();
        assert_eq!(read, keys);
    }

    #[test]
    fn a_key_held_for_long_is_one_key() {
        let mut reader = KeyReader::default();
        let payload = Event { code: 1, end: false, volume: 10, duration: 160 }.write();
        assert_eq!(reader.read(1, 1_000, &payload), Some('1'));
        assert_eq!(reader.read(1, 1_000 + SEGMENT, &payload), None);
        assert_eq!(reader.read(1, 1_000 + SEGMENT + 16_000, &payload), Some('1'));
    }

    #[test]
    fn another_source_begins_anew_and_what_is_no_key_is_passed_over() {
        let mut reader = KeyReader::default();
        let star = Event { code: 10, end: true, volume: 10, duration: 160 }.write();
        assert_eq!(reader.read(1, 5_000, &star), Some('*'));
        assert_eq!(reader.read(2, 4_000, &star), Some('*'));
        assert_eq!(reader.read(2, 9_000, &[16, 0, 0, 160]), None);
        assert_eq!(reader.read(2, 9_000, &[1, 0, 0]), None);
    }
}
