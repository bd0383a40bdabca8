//! One voice path of the generator: RTP, or SRTP towards agents. What it says is the moment of sending, or speech, or now and then a
//! ping; what it hears is measured accordingly.

use crate::ear::{Ear, Pings};
use crate::speech::{FRAME, Speech};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use shared::wire::MediaAccess;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::{MasterKey, SrtpReceiver, SrtpSender, Suite};

/// Marks our own packets; music and silence do not begin so.
pub(crate) const MARK: [u8; 8] = *b"\xa5load\x5a\xa5\x5a";
/// Silence in A-law.
const SILENCE: u8 = 0xd5;
/// RTP payload types.
const ALAW: u8 = 8;
const OPUS: u8 = 111;
/// One in so many packets is left out by a leg whose link shall seem bad enough for Opus,
pub(crate) const BAD_LOSES_ONE_IN: u16 = 20;
/// and by one whose link shall not seem good enough for A-law again.
pub(crate) const POOR_LOSES_ONE_IN: u16 = 100;

/// What a leg says.
pub(crate) enum Mouth {
    /// The moment of sending, in A-law.
    Stamps,
    /// Speech, each leg from another place of it.
    Speech(Arc<Speech>, usize),
    /// Silence, in A-law.
    Silence,
    /// Silence, and now and then a ping.
    Pings(Pings),
}

/// One voice path.
pub(crate) struct Leg {
    pub(crate) socket: UdpSocket,
    /// What it says.
    pub(crate) mouth: Mouth,
    /// How what it hears is measured.
    pub(crate) ear: Ear,
    /// Sends Opus instead of A-law.
    pub(crate) opus: bool,
    /// Leaves one packet in so many out, as a bad link would.
    pub(crate) loses_one_in: Option<u16>,
    keys: Option<(SrtpSender, SrtpReceiver)>,
    ssrc: u32,
    sequence: u16,
    buffer: [u8; 2048],
}

impl Leg {
    /// A plain path from a fresh loopback port; [`Self::connect`] completes it.
    pub(crate) fn plain(ssrc: u32) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("no free loopback port")?;
        socket.set_nonblocking(true)?;
        let (mouth, ear) = (Mouth::Stamps, Ear::Stamps(Vec::new()));
        Ok(Self { socket, mouth, ear, opus: false, loses_one_in: None, keys: None, ssrc, sequence: 1, buffer: [0; 2048] })
    }

    /// An agent's path, encrypted as our desktop does it: with AES-GCM where the server offers it.
    pub(crate) fn encrypted(access: &MediaAccess) -> Result<Self> {
        let (suite, send, receive) = match &access.options {
            Some(options) => (Suite::Aes128Gcm, &options.gcm_client_key, &options.gcm_server_key),
            None => (Suite::AesCm128HmacSha1, &access.client_key, &access.server_key),
        };
        let [send, receive] = [send, receive].map(|text| {
            let bytes = BASE64_STANDARD.decode(text).context("a key that is no base64")?;
            MasterKey::read(suite, &bytes).context("a key of the wrong length")
        });
        let keys = (SrtpSender::with_suite(suite, &send?), SrtpReceiver::with_suite(suite, &receive?));
        Ok(Self { keys: Some(keys), ..Self::plain(access.client_ssrc)? })
    }

    /// Where it leads.
    pub(crate) fn connect(&self, far: SocketAddr) -> Result<()> {
        self.socket.connect(far).with_context(|| format!("cannot send to {far}"))
    }

    /// Sends the 20 ms of this frame. `false` if the system did not take it.
    pub(crate) fn send(&mut self, now_us: u64, frame: u64) -> bool {
        let opus = self.opus && !matches!(self.mouth, Mouth::Silence);
        let (payload_type, ticks) = if opus { (OPUS, 6) } else { (ALAW, 1) };
        let timestamp = (frame as u32).wrapping_mul(FRAME as u32 * ticks);
        let header = Header { marker: false, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        if self.loses_one_in.is_some_and(|many| self.sequence.is_multiple_of(many)) {
            return true;
        }
        header.write(&mut self.buffer).expect("there is room for a header");
        let room = &mut self.buffer[HEADER_BYTES..];
        let mut length = HEADER_BYTES
            + match &mut self.mouth {
                Mouth::Stamps => stamp(now_us, room),
                Mouth::Silence => copy(&[SILENCE; FRAME], room),
                Mouth::Speech(speech, start) => copy(speech.frame(*start + frame as usize, opus), room),
                Mouth::Pings(pings) => pings.say(now_us, frame, opus, room),
            };
        if let Some((sender, _)) = &mut self.keys {
            length = sender.protect(&mut self.buffer, length).expect("a fresh packet with room can be protected");
        }
        self.socket.send(&self.buffer[..length]).is_ok()
    }

    /// Reads one waiting packet; whether there was one. The clock is read once it is here. What was sent or comes outside of the
    /// window is not measured.
    pub(crate) fn hear(&mut self, clock: impl Fn() -> u64, window: &std::ops::Range<u64>) -> bool {
        let Ok(mut length) = self.socket.recv(&mut self.buffer) else { return false };
        let now_us = clock();
        if (192..=223).contains(&self.buffer[1]) {
            return true;
        }
        if let Some((_, receiver)) = self.keys.as_mut().filter(|_| self.ear.needs_payload()) {
            match receiver.unprotect(&mut self.buffer[..length]) {
                Ok(opened) => length = opened,
                Err(_) => return true,
            }
        }
        if let Ok(packet) = Packet::read(&self.buffer[..length]) {
            self.ear.hear(now_us, &packet, window);
        }
        true
    }
}

fn copy(bytes: &[u8], room: &mut [u8]) -> usize {
    room[..bytes.len()].copy_from_slice(bytes);
    bytes.len()
}

/// Writes 20 ms of silence that carry `now_us`.
fn stamp(now_us: u64, room: &mut [u8]) -> usize {
    room[..FRAME].fill(SILENCE);
    room[..8].copy_from_slice(&MARK);
    room[8..16].copy_from_slice(&now_us.to_be_bytes());
    FRAME
}

/// The moment that a payload carries, if it is one of ours.
pub(crate) fn read_stamp(payload: &[u8]) -> Option<u64> {
    let (_, rest) = payload.split_first_chunk().filter(|(mark, _)| **mark == MARK)?;
    rest.first_chunk().map(|moment| u64::from_be_bytes(*moment))
}
