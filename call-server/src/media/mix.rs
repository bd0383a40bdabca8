//! A talk that cannot be relayed: more than two parties, or a codec in between. Each party has a jitter buffer; every 20 ms all are pulled,
//! mixed, and what each is to hear is handed out.
//!
//! Changing over costs no sample: from relaying, nothing is sent until the first sample behind what was relayed is due; back to relaying,
//! what still waits is sent at once. Not here: sockets, encryption, who takes part.

use super::talk::MAX_MEMBERS;
use call_core::command::Part;
use voice::FRAME_SAMPLES;
use voice::codec::{Codec, CodecError, Encoder};
use voice::jitter::{JitterBuffer, JitterStats};
use voice::mixer::{Comfort, Mixer, Role};
use voice::rtp::Header;

/// A listener whose voices have not begun yet waits for at most so many turns before silence is sent.
const MOST_PAUSE: u8 = 6;
/// Turns between the order to relay and the relaying: levels have faded to what they would be unmixed.
const LEAVING: u8 = 2;
/// Whoever the whispering is for: the agent.
const AGENT: usize = 1;

/// How a payload is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// A-law.
    Alaw,
    /// Opus.
    Opus,
}

/// One party's place.
#[derive(Debug)]
pub(super) struct Seat {
    alaw: JitterBuffer,
    opus: Option<JitterBuffer>,
    /// What the newest packet was.
    newest: Payload,
    /// Whose buffer is heard.
    playing: Payload,
    /// A packet of this party has come.
    touched: bool,
    /// Something was heard of this party.
    begun: bool,
    /// What this party hears is encoded so, if not as A-law.
    encoder: Option<Encoder>,
    role: Part,
    /// Turns for which nothing was sent to this party.
    paused: u8,
    sending: bool,
}

impl Seat {
    /// A trunk's empty place. Making a place allocates; nothing else here does.
    ///
    /// # Errors
    /// None; the same face as that of an agent's.
    pub(super) fn of_trunk(part: Part) -> Result<Self, CodecError> {
        Ok(Self::new(part, None, None))
    }

    /// An agent's empty place. The agent may send either codec, and hears Opus if `opus`.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub(super) fn of_agent(part: Part, opus: bool) -> Result<Self, CodecError> {
        let ear = JitterBuffer::for_codec(Codec::Opus { expected_loss_percent: 0 })?;
        Ok(Self::new(part, Some(ear), Self::coder(opus)?))
    }

    /// What codes for an agent: Opus, or none for A-law.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub(super) fn coder(opus: bool) -> Result<Option<Encoder>, CodecError> {
        opus.then(|| Codec::Opus { expected_loss_percent: 0 }.light_encoder()).transpose()
    }

    fn new(role: Part, ear: Option<JitterBuffer>, encoder: Option<Encoder>) -> Self {
        Self {
            alaw: JitterBuffer::new(),
            opus: ear,
            newest: Payload::Alaw,
            playing: Payload::Alaw,
            touched: false,
            begun: false,
            encoder,
            role,
            paused: 0,
            sending: false,
        }
    }

    /// Codes otherwise from now on; gives back what coded before.
    pub(super) fn recode(&mut self, coder: Option<Encoder>) -> Option<Encoder> {
        std::mem::replace(&mut self.encoder, coder)
    }

    /// Whether what this party hears is encoded with Opus.
    pub(super) fn hears_opus(&self) -> bool {
        self.encoder.is_some()
    }

    /// Encodes what this party hears; gives the payload's length. `None`: it hears A-law.
    pub(super) fn encode(&mut self, samples: &[i16; FRAME_SAMPLES], payload: &mut [u8]) -> Option<usize> {
        self.encoder.as_mut()?.encode(samples, payload).ok()
    }

    /// How much loss the encoder prepares for.
    pub(super) fn expect_loss(&mut self, percent: u8) {
        if let Some(encoder) = &mut self.encoder {
            // What the encoder refuses leaves it as it was.
            let _ = encoder.set_expected_loss(percent);
        }
    }

    fn insert(&mut self, now_us: u64, header: &Header, payload: &[u8], kind: Payload) {
        if let Some(buffer) = self.buffer(kind) {
            buffer.insert_payload(now_us, header, payload);
            (self.newest, self.touched) = (kind, true);
        }
    }

    fn buffer(&mut self, kind: Payload) -> Option<&mut JitterBuffer> {
        match kind {
            Payload::Alaw => Some(&mut self.alaw),
            Payload::Opus => self.opus.as_mut(),
        }
    }

    /// The next 20 ms, if anything has begun. While the codec changes the older buffer is heard until the newer one has something.
    fn pull(&mut self, now_us: u64) -> Option<[i16; FRAME_SAMPLES]> {
        let (mut frame, mut sounds) = self.pull_from(self.playing, now_us)?;
        if self.newest != self.playing
            && let Some((newer, true)) = self.pull_from(self.newest, now_us)
        {
            (frame, sounds, self.playing) = (newer, true, self.newest);
        }
        self.begun |= sounds;
        self.begun.then_some(frame)
    }

    /// A frame, and whether anything in it has come from the party; else it is concealment or nothing.
    fn pull_from(&mut self, kind: Payload, now_us: u64) -> Option<([i16; FRAME_SAMPLES], bool)> {
        let buffer = self.buffer(kind)?;
        let frame = buffer.pull(now_us);
        Some((frame, buffer.is_playing()))
    }

    fn stats(&self) -> JitterStats {
        match (self.playing, &self.opus) {
            (Payload::Opus, Some(opus)) => opus.stats(),
            (Payload::Opus, None) | (Payload::Alaw, _) => self.alaw.stats(),
        }
    }
}

/// Two voices at once, as loud as can be.
pub(super) fn add(one: &[i16; FRAME_SAMPLES], other: &[i16; FRAME_SAMPLES]) -> [i16; FRAME_SAMPLES] {
    std::array::from_fn(|sample| one[sample].saturating_add(other[sample]))
}

/// The mixing of one talk.
#[derive(Debug)]
pub(super) struct Mix {
    seats: [Option<Box<Seat>>; MAX_MEMBERS],
    mixer: Mixer,
    said: [Option<[i16; FRAME_SAMPLES]>; MAX_MEMBERS],
    /// By those who sit there.
    heard: [Option<[i16; FRAME_SAMPLES]>; MAX_MEMBERS],
    leaving: Option<u8>,
}

impl Mix {
    /// With these parties, the citizen first and the agent second. Allocates.
    pub(super) fn new(seats: [Option<Box<Seat>>; MAX_MEMBERS]) -> Self {
        let mut mix = Self { seats, mixer: Mixer::new(Comfort::Off), said: [None; MAX_MEMBERS], heard: [None; MAX_MEMBERS], leaving: None };
        mix.arrange();
        mix
    }

    /// Somebody sits down; gives back what was at that place.
    pub(super) fn sit(&mut self, place: usize, seat: Box<Seat>) -> Option<Box<Seat>> {
        self.leaving = None;
        let before = self.seats.get_mut(place)?.replace(seat);
        self.mixer.reset(place);
        self.arrange();
        before
    }

    /// Somebody leaves.
    pub(super) fn rise(&mut self, place: usize) -> Option<Box<Seat>> {
        let seat = self.seats.get_mut(place)?.take();
        self.arrange();
        seat
    }

    /// What somebody does.
    pub(super) fn set_part(&mut self, place: usize, part: Part) {
        if let Some(seat) = self.seats.get_mut(place).and_then(Option::as_mut) {
            seat.role = part;
        }
        self.arrange();
    }

    /// The place of a party.
    pub(super) fn seat(&mut self, place: usize) -> Option<&mut Seat> {
        self.seats.get_mut(place)?.as_deref_mut()
    }

    /// Three and more who talk are brought to comfortable levels; two are left as they are, so that relaying them sounds alike.
    fn arrange(&mut self) {
        let talkers = self.seats.iter().flatten().filter(|seat| seat.role == Part::Talk).count();
        self.mixer.set_comfort(if talkers > 2 && self.leaving.is_none() { Comfort::On } else { Comfort::Off });
        for (place, seat) in self.seats.iter().enumerate() {
            let role = match seat.as_deref().map(|seat| seat.role) {
                None | Some(Part::Talk) => Role::Talk,
                Some(Part::Listen) => Role::Listen,
                Some(Part::Whisper) => Role::Whisper { to: AGENT },
            };
            self.mixer.set_role(place, role);
        }
    }

    /// A packet of a party.
    pub(super) fn insert(&mut self, now_us: u64, place: usize, header: &Header, (payload, kind): (&[u8], Payload)) {
        if let Some(seat) = self.seat(place) {
            seat.insert(now_us, header, payload, kind);
        }
    }

    /// The parties need no mixing any more.
    pub(super) fn leave(&mut self) {
        self.leaving = Some(0);
        self.arrange();
    }

    /// Whether relaying can begin now: what waits in [`Mix::flush`] is all that is missing.
    pub(super) fn may_leave(&self) -> bool {
        let all_alaw = self.seats.iter().flatten().all(|seat| (seat.newest, seat.playing) == (Payload::Alaw, Payload::Alaw));
        self.leaving.is_some_and(|turns| turns >= LEAVING) && all_alaw
    }

    /// One turn: pulls and mixes. `spoken` if the house itself says something into the talk.
    pub(super) fn turn(&mut self, now_us: u64, spoken: bool) {
        self.leaving = self.leaving.map(|turns| turns.saturating_add(1));
        // Silence that nobody's packets have begun is not made: two telephones are joined long before anybody speaks.
        if !spoken && self.seats.iter().flatten().all(|seat| !seat.touched && !seat.sending) {
            return;
        }
        for (said, seat) in self.said.iter_mut().zip(&mut self.seats) {
            *said = seat.as_mut().and_then(|seat| seat.pull(now_us));
        }
        let mut inputs = [None; MAX_MEMBERS];
        inputs.iter_mut().zip(&self.said).for_each(|(input, said)| *input = said.as_ref());
        self.heard = self.seats.each_ref().map(|seat| seat.as_ref().map(|_| [0; FRAME_SAMPLES]));
        self.mixer.mix(&inputs, &mut self.heard);
        let begun: [bool; MAX_MEMBERS] = std::array::from_fn(|place| self.said[place].is_some());
        for (place, seat) in self.seats.iter_mut().enumerate() {
            let Some(seat) = seat else { continue };
            let another = begun.iter().enumerate().any(|(other, begun)| other != place && *begun);
            seat.sending |= another || seat.paused >= MOST_PAUSE;
            seat.paused = seat.paused.saturating_add(1);
        }
    }

    /// What a party said in this turn.
    pub(super) fn said(&self, place: usize) -> Option<&[i16; FRAME_SAMPLES]> {
        self.said.get(place)?.as_ref()
    }

    /// Whether anybody is there to whisper.
    pub(super) fn has_whisperer(&self) -> bool {
        self.seats.iter().flatten().any(|seat| seat.role == Part::Whisper)
    }

    /// What was whispered in this turn.
    pub(super) fn whispered(&self) -> Option<[i16; FRAME_SAMPLES]> {
        let whisper = |seat: &Option<Box<Seat>>| seat.as_deref().is_some_and(|seat| seat.role == Part::Whisper);
        let said = self.seats.iter().zip(&self.said).filter(|(seat, _)| whisper(seat)).filter_map(|(_, said)| said.as_ref());
        said.fold(None, |all: Option<[i16; FRAME_SAMPLES]>, said| Some(all.map_or(*said, |all| add(&all, said))))
    }

    /// Whether what a party said was Opus.
    pub(super) fn plays_opus(&self, place: usize) -> bool {
        self.seats.get(place).and_then(Option::as_ref).is_some_and(|seat| seat.playing == Payload::Opus)
    }

    /// What a party is to hear in this turn, if it is time.
    pub(super) fn heard(&self, place: usize) -> Option<[i16; FRAME_SAMPLES]> {
        let seat = self.seats.get(place)?.as_ref()?;
        self.heard[place].filter(|_| seat.sending)
    }

    /// What the other of two parties still has to say, at most 20 ms at a time.
    pub(super) fn flush(&mut self, now_us: u64, place: usize) -> Option<([i16; FRAME_SAMPLES], usize)> {
        let seat = self.seats.get_mut(place)?.as_mut()?;
        let waiting = usize::try_from(seat.alaw.waiting()).unwrap_or(usize::MAX).min(FRAME_SAMPLES);
        (waiting > 0 && seat.begun).then(|| (seat.alaw.pull(now_us), waiting))
    }

    /// What became of a party's packets.
    pub(super) fn stats(&self, place: usize) -> Option<JitterStats> {
        Some(self.seats.get(place)?.as_ref()?.stats())
    }
}
