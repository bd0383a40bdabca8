//! Keys that are pressed towards a trunk, one after the other: telephone events (RFC 4733) where they were agreed, tones else (Q.23).

use voice::FRAME_SAMPLES;
use voice::dtmf::DtmfSender;
use voice::telephone_event::{EventPacket, KeySender};

/// Most keys in one row; further ones are passed over.
pub(super) const MAX_KEYS: usize = 32;
/// A key sounds for 100 ms, and so long is the pause behind it.
const KEY_FRAMES: u16 = 5;
const KEY_MS: u32 = 100;
const PAUSE_FRAMES: u8 = 5;

/// Keys to be pressed.
#[derive(Debug, Clone)]
pub(super) struct KeyRow {
    keys: [u8; MAX_KEYS],
    count: u8,
    at: u8,
    now: Now,
}

/// What happens in a frame.
#[derive(Debug, Clone)]
enum Now {
    Event(KeySender),
    Tone(DtmfSender),
    Pause(u8),
}

/// What is to be sent in a frame.
#[derive(Debug)]
pub(super) enum Pressed {
    /// A packet of an event.
    Event(EventPacket),
    /// Sound, which was written: a tone, or silence between tones.
    Sound,
    /// All keys are pressed.
    Over,
}

impl KeyRow {
    /// Keys of `0-9*#ABCD`; others are left out.
    pub(super) fn new(text: &str) -> Self {
        let mut row = Self { keys: [0; MAX_KEYS], count: 0, at: 0, now: Now::Pause(0) };
        for key in text.bytes().filter(|key| KeySender::new(char::from(*key), 1).is_some()).take(MAX_KEYS) {
            row.keys[usize::from(row.count)] = key;
            row.count += 1;
        }
        row
    }

    /// The next 20 ms; what sounds is written into `sound`.
    pub(super) fn next(&mut self, events: bool, sound: &mut [i16; FRAME_SAMPLES]) -> Pressed {
        sound.fill(0);
        match &mut self.now {
            Now::Event(sender) => {
                if let Some(packet) = sender.next() {
                    return Pressed::Event(packet);
                }
                self.now = Now::Pause(PAUSE_FRAMES);
                Pressed::Sound
            }
            Now::Tone(sender) => {
                if sender.fill(sound) > 0 {
                    return Pressed::Sound;
                }
                self.begin(events, sound)
            }
            Now::Pause(left) if *left > 0 => {
                *left -= 1;
                Pressed::Sound
            }
            Now::Pause(_) => self.begin(events, sound),
        }
    }

    fn begin(&mut self, events: bool, sound: &mut [i16; FRAME_SAMPLES]) -> Pressed {
        if self.at >= self.count {
            return Pressed::Over;
        }
        let key = char::from(self.keys[usize::from(self.at)]);
        self.at += 1;
        self.now = match (events, KeySender::new(key, KEY_FRAMES), DtmfSender::new(key, KEY_MS, KEY_MS)) {
            (true, Some(sender), _) => Now::Event(sender),
            (false, _, Some(sender)) => Now::Tone(sender),
            (true, None, _) | (false, _, None) => Now::Pause(0),
        };
        self.next(events, sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice::dtmf::DtmfDetector;
    use voice::telephone_event::KeyReader;

    #[test]
    fn every_key_is_pressed_once_as_an_event_or_as_a_tone() {
        let (mut row, mut reader, mut heard, mut timestamp) = (KeyRow::new("12x4#"), KeyReader::default(), String::new(), 0);
        loop {
            match row.next(true, &mut [0; FRAME_SAMPLES]) {
                Pressed::Event(packet) => {
                    timestamp += if packet.marker { 1_600 } else { 0 };
                    heard.extend(reader.read(1, timestamp, &packet.payload));
                }
                Pressed::Sound => {}
                Pressed::Over => break,
            }
        }
        assert_eq!(heard, "124#");
        let (mut row, mut detector, mut heard) = (KeyRow::new("55*"), DtmfDetector::default(), String::new());
        let mut sound = [0; FRAME_SAMPLES];
        while let Pressed::Sound = row.next(false, &mut sound) {
            heard.extend(detector.hear(&sound));
        }
        assert_eq!(heard, "55*");
    }
}
