//! What stands between a trunk leg and its socket: nothing, or SRTP with keys of the session description (RFC 3711, RFC 4568).
//!
//! Keys are made by control and only turned here: nothing allocates or frees. Not here: the description (`negotiate`).

use super::counters::Counters;
use voice::rtp::{Header, RtpError};
use voice::srtp::{MasterKey, SrtcpReceiver, SrtcpSender, SrtpError, SrtpReceiver, SrtpSender, Suite};

/// The state of a leg's protection.
#[derive(Debug)]
pub(super) enum Guard {
    /// Plain RTP.
    Plain,
    /// It will be protected: the far side's key is not known yet, so nothing goes through.
    Awaiting,
    /// Protected both ways.
    Keyed(Box<Keys>),
}

/// The contexts of one leg.
#[derive(Debug)]
pub(super) struct Keys {
    ears: Ears,
    voice: SrtpSender,
    reports: SrtcpSender,
}

/// What the far side protects.
#[derive(Debug)]
struct Ears {
    voice: SrtpReceiver,
    reports: SrtcpReceiver,
    source: Option<u32>,
    /// The source before: it does not come back, so that nobody can repeat its packets.
    retired: Option<u32>,
}

impl Keys {
    /// Our key and the far side's. Allocates.
    pub(super) fn new(suite: Suite, ours: &MasterKey, theirs: &MasterKey) -> Self {
        let ears = Ears {
            voice: SrtpReceiver::with_suite(suite, theirs),
            reports: SrtcpReceiver::new(suite, theirs),
            source: None,
            retired: None,
        };
        Self { ears, voice: SrtpSender::with_suite(suite, ours), reports: SrtcpSender::new(suite, ours) }
    }
}

impl Guard {
    /// The far side's key is new; ours is the same, and its count goes on. Gives back what is to be freed.
    pub(super) fn turn(&mut self, mut keys: Box<Keys>) -> Option<Box<Keys>> {
        match self {
            Self::Keyed(own) => {
                std::mem::swap(&mut own.ears, &mut keys.ears);
                Some(keys)
            }
            Self::Awaiting => {
                *self = Self::Keyed(keys);
                None
            }
            Self::Plain => Some(keys),
        }
    }

    /// Opens a voice packet in place; gives the length of what is there then. `None`: counted, and not to be heard.
    pub(super) fn open(&mut self, packet: &mut [u8], counters: &Counters) -> Option<usize> {
        let opened = match self {
            Self::Plain => return Some(packet.len()),
            Self::Awaiting => Err(SrtpError::NotAuthentic),
            Self::Keyed(keys) => keys.ears.open(packet),
        };
        opened.map_err(|error| count(error, counters)).ok()
    }

    /// The same for a report.
    pub(super) fn open_report(&mut self, packet: &mut [u8], counters: &Counters) -> Option<usize> {
        let opened = match self {
            Self::Plain => return Some(packet.len()),
            Self::Awaiting => Err(SrtpError::NotAuthentic),
            Self::Keyed(keys) => keys.ears.reports.unprotect(packet),
        };
        opened.map_err(|error| count(error, counters)).ok()
    }

    /// Protects the packet in `buffer[..length]`; gives its new length. `None`: it must not be sent.
    pub(super) fn seal(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Self::Plain => Some(length),
            Self::Awaiting => None,
            Self::Keyed(keys) => keys.voice.protect(buffer, length).ok(),
        }
    }

    /// The same for a report.
    pub(super) fn seal_report(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Self::Plain => Some(length),
            Self::Awaiting => None,
            Self::Keyed(keys) => keys.reports.protect(buffer, length).ok(),
        }
    }
}

impl Ears {
    fn open(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let (Header { ssrc, .. }, _) = Header::read(packet)?;
        match self.source {
            Some(source) if source == ssrc => self.voice.unprotect(packet),
            Some(_) if self.retired == Some(ssrc) => Err(SrtpError::Replayed),
            before => {
                let length = self.voice.adopt(packet)?;
                if before.is_some() {
                    self.reports.restart();
                }
                (self.source, self.retired) = (Some(ssrc), before);
                Ok(length)
            }
        }
    }
}

fn count(error: SrtpError, counters: &Counters) {
    match error {
        SrtpError::NotRtp(RtpError::TooShort | RtpError::WrongVersion | RtpError::BadPadding) | SrtpError::TooShort => {
            counters.garbage.bump();
        }
        SrtpError::NotAuthentic | SrtpError::KeyUsedUp => counters.not_authentic.bump(),
        SrtpError::Replayed => counters.repeated.bump(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: MasterKey = MasterKey([7; 30]);
    const THEIRS: MasterKey = MasterKey([8; 30]);

    fn packet(sender: &mut SrtpSender, ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut bytes = vec![0; 12 + 160 + 10];
        Header { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc }.write(&mut bytes).expect("room for it");
        sender.protect(&mut bytes, 172).expect("room for it");
        bytes
    }

    fn guard() -> (Guard, SrtpSender) {
        let keys = Keys::new(Suite::AesCm128HmacSha1, &OURS, &THEIRS);
        (Guard::Keyed(Box::new(keys)), SrtpSender::new(&THEIRS))
    }

    #[test]
    fn a_source_may_change_under_one_key_and_the_old_one_cannot_be_repeated() {
        let (mut guard, mut sender) = guard();
        let counters = Counters::default();
        let first = packet(&mut sender, 1, 60_000);
        assert_eq!(guard.open(&mut first.clone(), &counters), Some(172));
        assert_eq!(guard.open(&mut first.clone(), &counters), None, "twice");
        let other = packet(&mut SrtpSender::new(&THEIRS), 2, 5);
        assert_eq!(guard.open(&mut other.clone(), &counters), Some(172));
        assert_eq!(guard.open(&mut first.clone(), &counters), None, "of before");
        assert_eq!(guard.open(&mut packet(&mut SrtpSender::new(&OURS), 3, 6), &counters), None, "of another key");
        assert_eq!(guard.open(&mut packet(&mut SrtpSender::new(&THEIRS), 2, 6), &counters), Some(172), "which changed nothing");
    }

    #[test]
    fn what_is_sent_counts_on_when_the_far_sides_key_changes() {
        let (mut guard, _) = guard();
        let mut reader = SrtpReceiver::new(&OURS);
        let mut send = |guard: &mut Guard| {
            let mut bytes = [0; 200];
            Header { marker: false, payload_type: 8, sequence: 9, timestamp: 0, ssrc: 1 }.write(&mut bytes).expect("room for it");
            let length = guard.seal(&mut bytes, 172).expect("keyed");
            reader.unprotect(&mut bytes[..length])
        };
        assert_eq!(send(&mut guard), Ok(172));
        assert!(guard.turn(Box::new(Keys::new(Suite::AesCm128HmacSha1, &OURS, &OURS))).is_some(), "the old ears");
        assert!(send(&mut guard).is_err(), "the same number is not a new packet");
        let counters = Counters::default();
        assert_eq!(guard.open(&mut packet(&mut SrtpSender::new(&OURS), 1, 1), &counters), Some(172), "the new key");
    }

    #[test]
    fn without_a_key_nothing_goes_through() {
        let (mut guard, counters) = (Guard::Awaiting, Counters::default());
        assert_eq!((guard.open(&mut [0x80; 172], &counters), guard.seal(&mut [0; 200], 172)), (None, None));
        assert!(guard.turn(Box::new(Keys::new(Suite::Aes128Gcm, &OURS, &THEIRS))).is_none());
        assert!(matches!(guard, Guard::Keyed(_)));
    }
}
