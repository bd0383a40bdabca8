//! One voice path of the generator: RTP, or SRTP towards agents, with the moment of sending in the payload.

use anyhow::{Context, Result};
use std::net::{SocketAddr, UdpSocket};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::{MasterKey, SrtpReceiver, SrtpSender};

/// Marks our own packets; music and silence do not begin so.
pub(crate) const MARK: [u8; 8] = *b"\xa5load\x5a\xa5\x5a";
/// A-law of 20 ms.
const PAYLOAD_BYTES: usize = 160;
/// Silence in A-law.
const SILENCE: u8 = 0xd5;

/// One voice path.
pub(crate) struct Leg {
    pub(crate) socket: UdpSocket,
    keys: Option<(SrtpSender, SrtpReceiver)>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    buffer: [u8; 2048],
}

/// What a read gave.
pub(crate) enum Read {
    /// One of our packets, sent at this µs.
    Ours(u64),
    /// Something else: music, silence, or not authentic.
    Other,
    /// Nothing is waiting.
    Nothing,
}

impl Leg {
    /// A plain path from a fresh loopback port; [`Self::connect`] completes it.
    pub(crate) fn plain(ssrc: u32) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("no free loopback port")?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, keys: None, ssrc, sequence: 1, timestamp: 0, buffer: [0; 2048] })
    }

    /// An encrypted path.
    pub(crate) fn encrypted(ssrc: u32, send: &MasterKey, receive: &MasterKey) -> Result<Self> {
        Ok(Self { keys: Some((SrtpSender::new(send), SrtpReceiver::new(receive))), ..Self::plain(ssrc)? })
    }

    /// Where it leads.
    pub(crate) fn connect(&self, far: SocketAddr) -> Result<()> {
        self.socket.connect(far).with_context(|| format!("cannot send to {far}"))
    }

    /// Sends 20 ms of silence that carry `now_us`. `false` if the system did not take it.
    pub(crate) fn send(&mut self, now_us: u64) -> bool {
        let header = Header { marker: false, payload_type: 8, sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(PAYLOAD_BYTES as u32);
        let mut length = HEADER_BYTES + PAYLOAD_BYTES;
        let (head, payload) = self.buffer[..length].split_at_mut(HEADER_BYTES);
        header.write(head).expect("there is room for a header");
        payload.fill(SILENCE);
        payload[..8].copy_from_slice(&MARK);
        payload[8..16].copy_from_slice(&now_us.to_be_bytes());
        if let Some((sender, _)) = &mut self.keys {
            length = sender.protect(&mut self.buffer, length).expect("a fresh packet with room can be protected");
        }
        self.socket.send(&self.buffer[..length]).is_ok()
    }

    /// Reads one waiting packet.
    pub(crate) fn read(&mut self) -> Read {
        let Ok(mut length) = self.socket.recv(&mut self.buffer) else { return Read::Nothing };
        if let Some((_, receiver)) = &mut self.keys {
            match receiver.unprotect(&mut self.buffer[..length]) {
                Ok(opened) => length = opened,
                Err(_) => return Read::Other,
            }
        }
        let Ok(packet) = Packet::read(&self.buffer[..length]) else { return Read::Other };
        match packet.payload.split_first_chunk() {
            Some((&MARK, rest)) => rest.first_chunk().map_or(Read::Other, |moment| Read::Ours(u64::from_be_bytes(*moment))),
            _ => Read::Other,
        }
    }
}
