//! The packet path: what comes in at one leg and goes out at another. Nothing here allocates, waits or logs.

use super::agent::{AGENT_PAYLOAD_TYPE, AgentLeg};
use super::frame::Channel;
use super::net::DATAGRAM_BYTES;
use super::tap::Place;
use super::trunk::{Heard, Role, to_alaw};
use super::worker::Worker;
use call_core::Input;
use shared::model::{LegId, RecordingId};
use sip_core::sdp::Codec;
use std::net::SocketAddr;
use voice::g711::ALAW_SILENCE;
use voice::rtp::{HEADER_BYTES, Header, RtpError};
use voice::srtp::{SrtpError, TAG_BYTES};
use voice::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// Packets of agents taken in one turn, so that trunks and music are not kept waiting.
const AGENT_PACKETS_PER_TURN: usize = 64;

/// Room for the longest packet that we send.
pub(super) const OUTPUT_BYTES: usize = HEADER_BYTES + MAX_PACKET_SAMPLES + TAG_BYTES;

/// A joined call, seen from one of its legs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bridge {
    /// The other leg.
    pub(super) peer: LegId,
    /// Where both voices are recorded.
    pub(super) recording: RecordingId,
}

/// What to do with an opened packet of an agent.
struct AgentVoice {
    bridge: Bridge,
    header: Header,
    samples: usize,
}

impl Worker {
    /// A trunk leg's socket has a packet.
    pub(super) fn hear_trunk(&mut self, now_us: u64, id: LegId) {
        let Some(leg) = self.trunks.get_mut(&id) else { return };
        let mut input = [0; DATAGRAM_BYTES];
        let Some((length, from)) = leg.socket.receive(&mut input) else { return };
        self.outlets.counters.from_trunks.bump();
        match leg.hear(now_us, from, &input[..length], &self.outlets.counters) {
            Heard::Nothing => {}
            Heard::Key(digit) => self.outlets.inbox.send(Input::Digit { leg: id, digit }),
            Heard::Voice(bridge, header, payload, codec) => self.pass_to_agent(now_us, bridge, &header, payload, codec),
        }
    }

    fn pass_to_agent(&mut self, now_us: u64, bridge: Bridge, header: &Header, payload: &[u8], codec: Codec) {
        let mut output = [0; OUTPUT_BYTES];
        let samples = payload.len();
        let body = &mut output[HEADER_BYTES..HEADER_BYTES + samples];
        to_alaw(codec, payload, body);
        let counters = &self.outlets.counters;
        self.tap.audio(counters, now_us, Place { recording: bridge.recording, channel: Channel::Citizen }, header, body);
        let Some(agent) = self.agents.get_mut(bridge.peer) else { return };
        let Some(header) = agent.out.relay(now_us, header, samples) else {
            counters.repeated.bump();
            return;
        };
        if agent.send(now_us, &header, &mut output, samples, (&self.agents_socket, counters)) {
            counters.to_agents.bump();
        }
    }

    /// The agents' socket has packets.
    pub(super) fn hear_agents(&mut self, now_us: u64) {
        let mut input = [0; DATAGRAM_BYTES];
        for _ in 0..AGENT_PACKETS_PER_TURN {
            let Some((length, from)) = self.agents_socket.receive(&mut input) else { return };
            self.outlets.counters.from_agents.bump();
            let datagram = &mut input[..length];
            if let Some((voice, start)) = self.open_agents_packet(now_us, from, datagram) {
                self.pass_to_trunk(now_us, voice.bridge, &voice.header, &datagram[start..start + voice.samples]);
            }
        }
    }

    /// Opens a datagram in place; gives what is to be passed on, and where its samples begin.
    fn open_agents_packet(&mut self, now_us: u64, from: SocketAddr, datagram: &mut [u8]) -> Option<(AgentVoice, usize)> {
        let counters = &self.outlets.counters;
        let Ok((Header { ssrc, .. }, start)) = Header::read(datagram) else {
            counters.garbage.bump();
            return None;
        };
        let Some((id, agent)) = self.agents.by_ssrc(ssrc) else {
            counters.unknown_sources.bump();
            return None;
        };
        let packet = match agent.open(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                self.count_unopened(error);
                return None;
            }
        };
        let (header, samples) = (packet.header, packet.payload.len());
        if agent.note_heard(now_us, from) {
            self.outlets.inbox.send(Input::AgentMediaReachable { leg: id, reachable: true });
        }
        if header.payload_type != AGENT_PAYLOAD_TYPE {
            counters.other_payloads.bump();
        } else if samples > MAX_PACKET_SAMPLES {
            counters.garbage.bump();
        } else if samples > 0 {
            return agent.bridge.map(|bridge| (AgentVoice { bridge, header, samples }, start));
        }
        None
    }

    fn count_unopened(&self, error: SrtpError) {
        let counters = &self.outlets.counters;
        match error {
            SrtpError::NotRtp(RtpError::TooShort | RtpError::WrongVersion | RtpError::BadPadding) | SrtpError::TooShort => {
                counters.garbage.bump();
            }
            SrtpError::NotAuthentic | SrtpError::KeyUsedUp => counters.not_authentic.bump(),
            SrtpError::Replayed => counters.repeated.bump(),
        }
    }

    fn pass_to_trunk(&mut self, now_us: u64, bridge: Bridge, header: &Header, alaw: &[u8]) {
        let counters = &self.outlets.counters;
        self.tap.audio(counters, now_us, Place { recording: bridge.recording, channel: Channel::Agent }, header, alaw);
        let Some(trunk) = self.trunks.get_mut(&bridge.peer) else { return };
        let Some(header) = trunk.out.relay(now_us, header, alaw.len()) else {
            counters.repeated.bump();
            return;
        };
        let mut output = [0; OUTPUT_BYTES];
        trunk.encode(alaw, &mut output[HEADER_BYTES..]);
        if header.write(&mut output).is_ok() && trunk.send(&output[..HEADER_BYTES + alaw.len()], counters) {
            counters.to_trunks.bump();
        }
    }

    /// Plays the next piece of music to every leg whose turn it is.
    pub(super) fn play_music(&mut self, now_us: u64) {
        while let Some(due_us) = self.wheel.advance(now_us) {
            for id in self.wheel.legs(due_us) {
                let Some(leg) = self.trunks.get_mut(id) else { continue };
                let Role::Music(position) = leg.role else { continue };
                let mut piece = [ALAW_SILENCE; FRAME_SAMPLES];
                leg.role = Role::Music(self.music.read(position, &mut piece));
                let mut output = [0; HEADER_BYTES + FRAME_SAMPLES];
                leg.encode(&piece, &mut output[HEADER_BYTES..]);
                let header = leg.out.originate(due_us, FRAME_SAMPLES);
                if header.write(&mut output).is_ok() && leg.send(&output, &self.outlets.counters) {
                    self.outlets.counters.music.bump();
                }
            }
        }
    }

    /// Looks after agents' paths and silent trunks.
    pub(super) fn look_after(&mut self, now_us: u64) {
        let (silence_us, every_us) = (self.limits.agent_silence_us, self.limits.keep_alive_us);
        let counters = &self.outlets.counters;
        for (id, agent) in self.agents.iter_mut() {
            if agent.became_unreachable(now_us, silence_us) {
                self.outlets.inbox.send(Input::AgentMediaReachable { leg: *id, reachable: false });
            } else if agent.wants_keep_alive(now_us, every_us) && send_silence(agent, now_us, (&self.agents_socket, counters)) {
                counters.keep_alives.bump();
            }
        }
        let silent = self.trunks.values_mut().filter_map(|leg| leg.became_silent(now_us, self.limits.trunk_silence_us).then_some(()));
        silent.for_each(|()| counters.silent_trunks.bump());
    }
}

fn send_silence(agent: &mut AgentLeg, now_us: u64, by: (&super::net::VoiceSocket, &super::counters::Counters)) -> bool {
    let mut output = [ALAW_SILENCE; OUTPUT_BYTES];
    let header = agent.out.originate(now_us, FRAME_SAMPLES);
    agent.send(now_us, &header, &mut output, FRAME_SAMPLES, by)
}

/// Music that begins anew at its end.
#[derive(Debug)]
pub(super) struct Music(Box<[u8]>);

impl Music {
    /// A-law samples; none at all is silence.
    pub(super) fn new(alaw: Vec<u8>) -> Self {
        Self(alaw.into_boxed_slice())
    }

    /// Copies the samples from `position` on; gives the position behind them.
    fn read(&self, position: usize, piece: &mut [u8]) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let round = self.0.iter().cycle().skip(position % self.0.len());
        piece.iter_mut().zip(round).for_each(|(byte, sample)| *byte = *sample);
        (position + piece.len()) % self.0.len()
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn music_begins_anew_at_its_end_whatever_its_length() {
        for length in [1, 159, 160, 161, 1_000] {
            let music = Music::new((0..length).map(|n| n as u8).collect());
            let mut position = 0;
            let mut heard = Vec::new();
            for _ in 0..20 {
                let mut piece = [0; 160];
                position = music.read(position, &mut piece);
                heard.extend(piece);
            }
            assert!(heard.iter().enumerate().all(|(place, byte)| *byte == (place % length) as u8), "length {length}");
        }
    }
}
