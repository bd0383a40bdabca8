//! Prompts and music: held in memory once, in both laws, and read by any number of players, each of which is a few numbers.

use call_core::command::{BUSY_TONE, PromptName, Sound, ZIP_TONE};
use sip_core::sdp::Codec;
use std::collections::BTreeMap;
use std::sync::Arc;
use voice::FRAME_SAMPLES;
use voice::g711::{ALAW_SILENCE, ULAW_SILENCE, alaw_to_ulaw, encode_alaw};

/// Most prompts in one announcement; further ones are passed over.
pub(super) const MAX_PROMPTS: usize = 24;
const MUSIC: usize = 0;
const RINGBACK: usize = 1;
/// Samples of a second.
const SECOND: usize = 8_000;
/// The tones of the Chinese network, 450 Hz (YD/T 1522): 回铃音 1 s on, 4 s off; 忙音 0.35 s on, 0.35 s off.
const TONE_HERTZ: f64 = 450.0;
/// So loud that it is no shock in a headset: about -20 dBm0.
const TONE_LEVEL: f64 = 2_500.0;
/// Whoever was refused hears the busy tone for so many beats.
const BUSY_BEATS: usize = 5;
/// The tone before a call that is accepted by itself is none of the network: 0.2 s, and a moment to breathe.
const ZIP_HERTZ: f64 = 800.0;

/// `on` samples of a tone and `off` of silence, A-law.
fn beat(hertz: f64, on: usize, off: usize) -> Vec<u8> {
    let sample = |at: usize| (TONE_LEVEL * (std::f64::consts::TAU * hertz * at as f64 / SECOND as f64).sin()) as i16;
    let sound: Vec<i16> = (0..on).map(sample).chain(std::iter::repeat_n(0, off)).collect();
    let mut alaw = vec![ALAW_SILENCE; sound.len()];
    encode_alaw(&sound, &mut alaw);
    alaw
}

/// One sound in both laws.
#[derive(Debug)]
struct Recorded {
    alaw: Box<[u8]>,
    ulaw: Box<[u8]>,
}

impl Recorded {
    fn new(alaw: Vec<u8>) -> Self {
        Self { ulaw: alaw.iter().map(|byte| alaw_to_ulaw(*byte)).collect(), alaw: alaw.into_boxed_slice() }
    }

    fn law(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcma => &self.alaw,
            Codec::Pcmu => &self.ulaw,
        }
    }
}

/// All sounds of the site.
#[derive(Debug, Clone)]
pub(super) struct Library(Arc<Vec<Recorded>>);

impl Library {
    /// Music and prompts, A-law, 8 kHz; and where each prompt stands.
    pub(super) fn new(music: Vec<u8>, prompts: Vec<(String, Vec<u8>)>) -> (Self, BTreeMap<PromptName, u16>) {
        let mut sounds = vec![Recorded::new(music), Recorded::new(beat(TONE_HERTZ, SECOND, 4 * SECOND))];
        let mut names = BTreeMap::new();
        let busy = (BUSY_TONE.to_owned(), beat(TONE_HERTZ, SECOND * 35 / 100, SECOND * 35 / 100).repeat(BUSY_BEATS));
        let zip = (ZIP_TONE.to_owned(), beat(ZIP_HERTZ, SECOND / 5, SECOND / 10));
        for (name, alaw) in prompts.into_iter().chain([busy, zip]) {
            if let Ok(place) = u16::try_from(sounds.len()) {
                names.insert(PromptName(name.into()), place);
                sounds.push(Recorded::new(alaw));
            }
        }
        (Self(Arc::new(sounds)), names)
    }
}

/// What somebody hears, and how far it has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Player {
    row: [u16; MAX_PROMPTS],
    count: u8,
    at: u8,
    position: u32,
    then: Sound,
}

impl Player {
    /// Prompts by their places, then a sound for ever.
    pub(super) fn new(prompts: impl Iterator<Item = u16>, then: Sound) -> Self {
        let mut player = Self { row: [0; MAX_PROMPTS], count: 0, at: 0, position: 0, then };
        for (place, prompt) in player.row.iter_mut().zip(prompts) {
            *place = prompt;
            player.count += 1;
        }
        player
    }

    /// Whether prompts are still to be heard.
    pub(super) fn announces(&self) -> bool {
        self.at < self.count
    }

    /// Whether there is nothing more to be heard.
    pub(super) fn is_over(&self) -> bool {
        !self.announces() && self.then == Sound::Silence
    }

    /// The next 20 ms. Says whether the last prompt ended in them.
    pub(super) fn next(&mut self, library: &Library, codec: Codec, piece: &mut [u8; FRAME_SAMPLES]) -> bool {
        piece.fill(match codec {
            Codec::Pcma => ALAW_SILENCE,
            Codec::Pcmu => ULAW_SILENCE,
        });
        let announced = self.announces();
        let mut room = &mut piece[..];
        while !room.is_empty() {
            let sound = match (self.announces(), self.then) {
                (true, _) => usize::from(self.row[usize::from(self.at)]),
                (false, Sound::Music) => MUSIC,
                (false, Sound::Ringback) => RINGBACK,
                (false, Sound::Silence) => break,
            };
            let Some(bytes) = library.0.get(sound).map(|sound| sound.law(codec)).filter(|bytes| !bytes.is_empty()) else {
                if self.announces() {
                    self.at += 1;
                    continue;
                }
                break;
            };
            let rest = bytes.get(self.position as usize..).unwrap_or_default();
            let count = rest.len().min(room.len());
            let (now, later) = room.split_at_mut(count);
            now.copy_from_slice(&rest[..count]);
            room = later;
            self.position += count as u32;
            if self.position as usize >= bytes.len() {
                self.position = 0;
                self.at += u8::from(self.announces());
            }
        }
        announced && !self.announces()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(player: &mut Player, library: &Library, frames: usize) -> (Vec<u8>, Vec<usize>) {
        let (mut heard, mut ends) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            let mut piece = [0; FRAME_SAMPLES];
            if player.next(library, Codec::Pcma, &mut piece) {
                ends.push(frame);
            }
            heard.extend(piece);
        }
        (heard, ends)
    }

    #[test]
    fn music_begins_anew_at_its_end_whatever_its_length() {
        for length in [1, 159, 160, 161, 1_000] {
            let (library, _) = Library::new((0..length).map(|n| n as u8).collect(), Vec::new());
            let (heard, ends) = hear(&mut Player::new([].into_iter(), Sound::Music), &library, 20);
            assert!(heard.iter().enumerate().all(|(place, byte)| *byte == (place % length) as u8), "length {length}");
            assert_eq!(ends, [0; 0]);
        }
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap_and_the_music_follows_them() {
        let prompts = vec![("one".to_owned(), vec![1; 200]), ("none".to_owned(), Vec::new()), ("two".to_owned(), vec![2; 100])];
        let (library, names) = Library::new(vec![9; 50], prompts);
        let row = ["one", "none", "two"].map(|name| names[&PromptName::from(name)]);
        let mut player = Player::new(row.into_iter(), Sound::Music);
        let (heard, ends) = hear(&mut player, &library, 3);
        let expected: Vec<u8> = [vec![1; 200], vec![2; 100], vec![9; 180]].concat();
        assert_eq!((heard, ends), (expected, vec![1]));
        let mut player = Player::new(row.into_iter(), Sound::Silence);
        let (heard, ends) = hear(&mut player, &library, 3);
        assert_eq!((&heard[300..], ends), (&[ALAW_SILENCE; 180][..], vec![1]));
        assert!(player.is_over());
    }

    #[test]
    fn without_music_there_is_silence() {
        let (library, _) = Library::new(Vec::new(), Vec::new());
        assert_eq!(hear(&mut Player::new([].into_iter(), Sound::Music), &library, 1).0, [ALAW_SILENCE; 160]);
    }

    #[test]
    fn the_tones_of_the_network_have_their_beats() {
        let (library, names) = Library::new(Vec::new(), Vec::new());
        let loud = |piece: &[u8]| piece.iter().any(|byte| !matches!(*byte, ALAW_SILENCE | 0x55));
        let (ringback, _) = hear(&mut Player::new([].into_iter(), Sound::Ringback), &library, 500);
        let beats: Vec<bool> = ringback.chunks(8_000).map(loud).collect();
        assert_eq!(beats, [true, false, false, false, false, true, false, false, false, false]);
        let mut busy = Player::new([names[&PromptName::from(BUSY_TONE)]].into_iter(), Sound::Silence);
        let (heard, ends) = hear(&mut busy, &library, 180);
        let beats: Vec<bool> = heard.chunks(2_800).map(loud).collect();
        assert_eq!(beats, [true, false, true, false, true, false, true, false, true, false, false]);
        assert_eq!((ends.len(), busy.is_over()), (1, true));
    }
}
