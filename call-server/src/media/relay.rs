//! The packets' way: what comes in at one leg and goes out at another, on arrival or on the wheel. Nothing here allocates, waits or logs.

use super::agent::{AgentLeg, Exits, Opened, Way, client_ssrc};
use super::ahead::AT_ONCE;
use super::frame::Channel;
use super::health::{LOOK_US, Reading, Side};
use super::mix::{Mix, Payload, add};
use super::net::{DATAGRAM_BYTES, OUTPUT_BYTES};
use super::orders::{News, Slot};
use super::secret::Secrets;
use super::talk::{AGENT, CITIZEN, MAX_MEMBERS, Mode, Talk, Taps};
use super::tap::Place;
use super::trunk::{Heard, Role, TrunkLeg, to_alaw};
use super::wheel::Turn;
use super::worker::{Carried, Worker};
use call_core::input::AnnouncementEnd;
use sip_core::sdp::Codec;
use voice::g711::{ALAW_SILENCE, alaw_to_linear, encode_alaw};
use voice::rtp::{HEADER_BYTES, Header, RtpError};
use voice::srtp::SrtpError;
use voice::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// Packets of agents taken in one turn, so that trunks and turns are not kept waiting.
const AGENT_PACKETS_PER_TURN: usize = 256;

impl Worker {
    /// A trunk leg's socket has a packet.
    pub(super) fn hear_trunk(&mut self, now_us: u64, slot: u16) {
        let Some(leg) = self.trunks.get_mut(slot) else { return };
        let mut input = [0; DATAGRAM_BYTES];
        let Some((length, from)) = leg.receive(&mut input) else { return };
        self.exits.counters.from_trunks.bump();
        let heard = leg.hear(now_us, from, (&mut input, length), &self.exits.counters);
        if let Some(digit) = leg.tone.take() {
            self.teller.tell(News::Key(leg.id, digit));
        }
        match heard {
            Heard::Nothing => {}
            Heard::Kept(recording, header, payload, codec) => {
                let mut alaw = [0; MAX_PACKET_SAMPLES];
                let alaw = &mut alaw[..payload.len()];
                if leg.is_masked(now_us) {
                    alaw.fill(ALAW_SILENCE);
                } else {
                    to_alaw(codec, payload, alaw);
                }
                let place = Place { recording, channel: Channel::Citizen };
                self.tap.audio(&self.exits.counters, now_us, place, &header, alaw);
            }
            Heard::Key(digit) => self.teller.tell(News::Key(leg.id, digit)),
            Heard::Voice((talk, place), header, payload, codec) => {
                let masked = leg.is_masked(now_us);
                self.pass_from_trunk(now_us, (talk, place), &header, (payload, codec, masked));
            }
        }
    }

    fn pass_from_trunk(&mut self, now_us: u64, (slot, place): (u16, u8), header: &Header, (payload, codec, masked): (&[u8], Codec, bool)) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let mut output = [0; OUTPUT_BYTES];
        let samples = payload.len();
        let body = &mut output[HEADER_BYTES..HEADER_BYTES + samples];
        to_alaw(codec, payload, body);
        let channel = match place {
            CITIZEN => {
                talk.watch.hear(Side::Citizen, body);
                Some(Channel::Citizen)
            }
            AGENT => {
                talk.watch.hear(Side::Agent, body);
                // Of a mix that is recorded which the citizen hears.
                matches!(talk.mode, Mode::Relay).then_some(Channel::Agent)
            }
            _ => None,
        };
        if let Some(channel) = channel.filter(|_| talk.taps == Taps::Both) {
            let silence = [ALAW_SILENCE; MAX_PACKET_SAMPLES];
            let recorded = if masked { &silence[..samples] } else { &*body };
            let place = Place { recording: talk.recording, channel };
            self.tap.audio(&self.exits.counters, now_us, place, header, recorded);
        }
        match (&mut talk.mode, talk.members.get(usize::from(place ^ 1)).copied().flatten()) {
            (Mode::Mixed(mix), _) => mix.insert(now_us, usize::from(place), header, (body, Payload::Alaw)),
            (Mode::Relay, Some(Slot::Agent(agent))) => {
                let Some(agent) = self.agents.get_mut(agent) else { return };
                pass_to_agent(now_us, agent, header, (&mut output, samples), &mut self.exits);
            }
            (Mode::Relay, Some(Slot::Trunk(trunk))) => {
                let Some(trunk) = self.trunks.get_mut(trunk) else { return };
                pass_to_trunk(now_us, trunk, header, (&mut output, samples), &mut self.exits);
            }
            (Mode::Relay, None) => {}
        }
    }

    /// The agents' socket has packets: all of them, for what is left would wait until after the rest.
    pub(super) fn hear_agents(&mut self, now_us: u64) {
        let mut inputs = std::mem::take(&mut self.inputs);
        for _ in 0..AGENT_PACKETS_PER_TURN / AT_ONCE {
            if self.hear_some_agents(now_us, &mut inputs) < AT_ONCE {
                break;
            }
        }
        self.inputs = inputs;
    }

    /// As many packets as there is room for; gives how many there were.
    fn hear_some_agents(&mut self, now_us: u64, inputs: &mut [[u8; DATAGRAM_BYTES]]) -> usize {
        let mut sources = [None; AT_ONCE];
        let read = inputs.iter_mut().zip(&mut sources).map_while(|(input, source)| {
            *source = self.exits.socket.receive(input);
            *source
        });
        let count = read.count();
        let packets = || sources.into_iter().flatten();
        self.read_agents_ahead(packets().zip(&*inputs).map(|((length, _), input)| &input[..length]));
        for ((length, from), input) in packets().zip(inputs) {
            self.take_in(now_us, Way::Udp(from), &mut input[..length]);
        }
        count
    }

    /// Packets have come through the WebSocket.
    pub(super) fn hear_tunnel(&mut self, now_us: u64) {
        if let Some(door) = &self.door {
            door.tunnel.bell.hush();
        }
        for _ in 0..AGENT_PACKETS_PER_TURN {
            let Some(packet) = self.door.as_mut().and_then(|door| door.tunnel.ring.pop().ok()) else { return };
            let mut input = [0; crate::tunnel::PACKET_BYTES];
            let length = packet.bytes().len();
            input[..length].copy_from_slice(packet.bytes());
            self.exits.counters.through_tunnel.bump();
            self.take_in(now_us, Way::Tunnel(packet.line), &mut input[..length]);
        }
        // What is left must not wait for the next packet's bell.
        if let Some(door) = &self.door {
            door.tunnel.bell.ring();
        }
    }

    /// A packet of some agent, read by the first thread: its own, or another thread's.
    fn take_in(&mut self, now_us: u64, way: Way, datagram: &mut [u8]) {
        self.exits.counters.from_agents.bump();
        let owner = client_ssrc(datagram).and_then(|ssrc| {
            let door = self.door.as_ref()?;
            door.owners.get(usize::from(Secrets::slot(ssrc))).copied()
        });
        match owner {
            Some(0) | None => self.hear_agent(now_us, way, datagram),
            Some(thread) => {
                let neighbour = self.door.as_mut().and_then(|door| door.neighbours.get_mut(usize::from(thread) - 1));
                if let (Some(neighbour), Some(packet)) = (neighbour, Carried::new(way, datagram)) {
                    neighbour.is_given = true;
                    if neighbour.ring.push(packet).is_ok() {
                        self.exits.counters.carried_over.bump();
                    } else {
                        self.exits.counters.send_failures.bump();
                    }
                } else {
                    self.exits.counters.garbage.bump();
                }
            }
        }
    }

    /// A packet of an agent of this thread.
    pub(super) fn hear_agent(&mut self, now_us: u64, way: Way, datagram: &mut [u8]) {
        let Some(ssrc) = client_ssrc(datagram) else { return self.exits.counters.garbage.bump() };
        let agent = self.agents.get_mut(Secrets::slot(ssrc)).filter(|agent| agent.client_ssrc() == ssrc);
        let Some(agent) = agent else { return self.exits.counters.unknown_sources.bump() };
        let opened = match agent.open(now_us, way, datagram) {
            Ok((opened, became_reachable)) => {
                if became_reachable {
                    self.teller.tell(News::Reachable(agent.id, true));
                }
                opened
            }
            Err(error) => return self.count_unopened(error),
        };
        match (opened, agent.talk) {
            (Opened::OtherPayload, _) => self.exits.counters.other_payloads.bump(),
            (Opened::Voice(_, range, _), _) if range.len() > MAX_PACKET_SAMPLES => self.exits.counters.garbage.bump(),
            (Opened::Voice(header, range, kind), Some(talk)) => self.pass_from_agent(now_us, talk, &header, (&datagram[range], kind)),
            (Opened::Voice(..), None) => {}
            (Opened::Report, _) => self.exits.counters.reports.bump(),
            (Opened::Nothing, _) => {}
        }
    }

    fn count_unopened(&self, error: SrtpError) {
        let counters = &self.exits.counters;
        match error {
            SrtpError::NotRtp(RtpError::TooShort | RtpError::WrongVersion | RtpError::BadPadding) | SrtpError::TooShort => {
                counters.garbage.bump();
            }
            SrtpError::NotAuthentic | SrtpError::KeyUsedUp => counters.not_authentic.bump(),
            SrtpError::Replayed => counters.repeated.bump(),
        }
    }

    fn pass_from_agent(&mut self, now_us: u64, (slot, place): (u16, u8), header: &Header, (payload, kind): (&[u8], Payload)) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        if place == AGENT && kind == Payload::Alaw {
            talk.watch.hear(Side::Agent, payload);
        }
        match (&mut talk.mode, kind) {
            (Mode::Mixed(mix), _) => mix.insert(now_us, usize::from(place), header, (payload, kind)),
            (Mode::Relay, Payload::Alaw) => {
                let place = Place { recording: talk.recording, channel: Channel::Agent };
                self.tap.audio(&self.exits.counters, now_us, place, header, payload);
                let Some(Slot::Trunk(trunk)) = talk.members[usize::from(CITIZEN)] else { return };
                let Some(trunk) = self.trunks.get_mut(trunk) else { return };
                let mut output = [0; OUTPUT_BYTES];
                output[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
                pass_to_trunk(now_us, trunk, header, (&mut output, payload.len()), &mut self.exits);
            }
            (Mode::Relay, Payload::Opus) => self.exits.counters.other_payloads.bump(),
        }
    }

    /// Gives everybody a turn who is due.
    pub(super) fn take_turns(&mut self, now_us: u64) {
        while let Some(due_us) = self.wheel.advance(now_us) {
            let mut place = 0;
            while let Some(turn) = self.wheel.turn(due_us, place) {
                match turn {
                    Turn::Trunk(slot) => self.trunk_turn(due_us, slot),
                    Turn::Agent(slot) => self.agent_turn(due_us, slot),
                    Turn::Talk(slot) => self.talk_turn(now_us, slot),
                }
                place += usize::from(self.wheel.turn(due_us, place) == Some(turn));
            }
        }
    }

    fn trunk_turn(&mut self, due_us: u64, slot: u16) {
        let Some(leg) = self.trunks.get_mut(slot) else { return self.wheel.remove(Turn::Trunk(slot)) };
        if leg.pressing.is_some() {
            if leg.press(due_us, &self.exits.counters) {
                return;
            }
            leg.pressing = None;
        }
        let (id, law) = (leg.id, leg.law());
        let Role::Playing(player) = &mut leg.role else { return self.wheel.remove(Turn::Trunk(slot)) };
        let announces = player.announces();
        let mut piece = [ALAW_SILENCE; FRAME_SAMPLES];
        let ended = player.next(&self.sounds, law, &mut piece);
        let is_over = player.is_over();
        let mut output = [0; OUTPUT_BYTES];
        output[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES].copy_from_slice(&piece);
        let header = leg.out.originate(due_us, FRAME_SAMPLES);
        if leg.send_law(&header, &mut output, FRAME_SAMPLES, &self.exits.counters) {
            let counters = &self.exits.counters;
            if announces { counters.prompts.bump() } else { counters.music.bump() }
        }
        if is_over {
            leg.role = Role::Silent;
            self.wheel.remove(Turn::Trunk(slot));
        }
        if ended {
            self.teller.tell(News::Announced(id, AnnouncementEnd::Finished));
        }
    }

    /// An agent who is in no talk hears a sound.
    fn agent_turn(&mut self, due_us: u64, slot: u16) {
        let Some(agent) = self.agents.get_mut(slot) else { return self.wheel.remove(Turn::Agent(slot)) };
        let Some(player) = &mut agent.playing else { return self.wheel.remove(Turn::Agent(slot)) };
        let mut piece = [ALAW_SILENCE; FRAME_SAMPLES];
        let ended = player.next(&self.sounds, Codec::Pcma, &mut piece);
        if player.is_over() {
            agent.playing = None;
        }
        if ended {
            self.teller.tell(News::Announced(agent.id, AnnouncementEnd::Finished));
        }
        let mut output = [0; OUTPUT_BYTES];
        output[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES].copy_from_slice(&piece);
        if agent.proceed(due_us, &mut output, (FRAME_SAMPLES, Payload::Alaw, FRAME_SAMPLES), &mut self.exits) {
            self.exits.counters.music.bump();
        }
    }

    /// The next 20 ms of what is said to everybody in a talk.
    fn spoken(&mut self, slot: u16) -> Option<[i16; FRAME_SAMPLES]> {
        let player = self.talks.get_mut(slot)?.spoken.as_mut()?;
        let mut piece = [ALAW_SILENCE; FRAME_SAMPLES];
        player.next(&self.sounds, Codec::Pcma, &mut piece);
        if player.is_over() {
            self.talks.get_mut(slot)?.spoken = None;
        }
        Some(piece.map(alaw_to_linear))
    }

    fn record_whispers(&mut self, now_us: u64, slot: u16) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let (Some(recording), Mode::Mixed(mix)) = (talk.whispers, &talk.mode) else { return };
        let Some(said) = mix.whispered() else { return };
        let mut alaw = [0; FRAME_SAMPLES];
        encode_alaw(&said, &mut alaw);
        let header = Header { marker: false, payload_type: 8, sequence: 0, timestamp: talk.whispered, ssrc: talk.source };
        talk.whispered = talk.whispered.wrapping_add(FRAME_SAMPLES as u32);
        self.tap.audio(&self.exits.counters, now_us, Place { recording, channel: Channel::Agent }, &header, &alaw);
    }

    fn talk_turn(&mut self, now_us: u64, slot: u16) {
        let spoken = self.spoken(slot);
        let Some(talk) = self.talks.get_mut(slot) else { return self.wheel.remove(Turn::Talk(slot)) };
        let Mode::Mixed(mix) = &mut talk.mode else { return self.wheel.remove(Turn::Talk(slot)) };
        mix.turn(now_us, spoken.is_some());
        if let Some(said) = mix.said(usize::from(AGENT)).filter(|_| mix.plays_opus(usize::from(AGENT))) {
            talk.watch.hear_samples(Side::Agent, said);
        }
        let (members, recording, source) = (talk.members, talk.recording, talk.source);
        for (place, member) in members.iter().enumerate() {
            let (Some(member), Some(heard)) = (member, mix.heard(place)) else { continue };
            let heard = spoken.as_ref().map_or(heard, |spoken| add(&heard, spoken));
            let mut output = [0; OUTPUT_BYTES];
            if place == usize::from(CITIZEN) && talk.taps != Taps::Nothing {
                // Apart from the citizen all of it is recorded: what the one hears of the others, and what the one says.
                let said = mix.said(place).filter(|_| talk.taps == Taps::Right);
                let all = said.map_or(heard, |said| add(&heard, said));
                encode_alaw(&all, &mut output[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES]);
                let header = Header { marker: false, payload_type: 8, sequence: 0, timestamp: talk.recorded, ssrc: source };
                talk.recorded = talk.recorded.wrapping_add(FRAME_SAMPLES as u32);
                let place = Place { recording, channel: Channel::Agent };
                self.tap.audio(&self.exits.counters, now_us, place, &header, &output[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES]);
            }
            match *member {
                Slot::Trunk(trunk) => {
                    let Some(trunk) = self.trunks.get_mut(trunk) else { continue };
                    say_to_trunk(now_us, trunk, &heard, &mut self.exits);
                }
                Slot::Agent(agent) => {
                    let Some(agent) = self.agents.get_mut(agent) else { continue };
                    say_to_agent(now_us, agent, (mix, place), &heard, &mut self.exits);
                }
            }
        }
        let may_leave = mix.may_leave();
        self.record_whispers(now_us, slot);
        if may_leave {
            self.back_to_relay(now_us, slot);
        }
    }

    /// What waits is sent at once; from the next packet on the talk is relayed.
    fn back_to_relay(&mut self, now_us: u64, slot: u16) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let Mode::Mixed(mut mix) = std::mem::replace(&mut talk.mode, Mode::Relay) else { return };
        self.relays = true;
        for speaker in [CITIZEN, AGENT] {
            let listener = talk.peer(speaker);
            while let Some((samples, count)) = mix.flush(now_us, usize::from(speaker)) {
                match listener {
                    Some(Slot::Trunk(trunk)) => {
                        if let Some(trunk) = self.trunks.get_mut(trunk) {
                            say_to_trunk(now_us, trunk, &samples[..count], &mut self.exits);
                        }
                    }
                    Some(Slot::Agent(agent)) => {
                        if let Some(agent) = self.agents.get_mut(agent) {
                            say_alaw_to_agent(now_us, agent, &samples[..count], &mut self.exits);
                        }
                    }
                    None => {}
                }
                if speaker == AGENT {
                    let place = Place { recording: talk.recording, channel: Channel::Agent };
                    let header = Header { marker: false, payload_type: 8, sequence: 0, timestamp: talk.recorded, ssrc: talk.source };
                    talk.recorded = talk.recorded.wrapping_add(count as u32);
                    let mut alaw = [0; FRAME_SAMPLES];
                    encode_alaw(&samples[..count], &mut alaw);
                    self.tap.audio(&self.exits.counters, now_us, place, &header, &alaw[..count]);
                }
            }
        }
        self.wheel.remove(Turn::Talk(slot));
        self.teller.tell(News::Mix(mix));
    }

    /// What both legs of a talk have counted.
    pub(super) fn readings(&self, talk: &Talk) -> (Reading, Reading) {
        let reading = |place: u8| {
            let mut reading = match talk.members[usize::from(place)] {
                Some(Slot::Trunk(slot)) => self.trunks.get(slot).map(TrunkLeg::reading),
                Some(Slot::Agent(slot)) => self.agents.get(slot).map(AgentLeg::reading),
                None => None,
            }
            .unwrap_or_default();
            if let Mode::Mixed(mix) = &talk.mode {
                reading.concealed = mix.stats(usize::from(place)).map_or(0, |stats| stats.concealed_samples);
            }
            reading
        };
        (reading(CITIZEN), reading(AGENT))
    }

    /// Looks after paths, reports and how talks sound.
    pub(super) fn look_after(&mut self, now_us: u64) {
        self.look_after_agents(now_us);
        let limits = self.limits;
        for (_, leg) in self.trunks.iter_mut() {
            leg.report(now_us, limits.report_us, &self.exits.counters);
            if leg.became_silent(now_us, limits.trunk_silence_us) {
                self.exits.counters.silent_trunks.bump();
            }
            if leg.re_anchor(now_us) {
                self.exits.counters.re_anchored.bump();
            }
        }
        for slot in 0..super::worker::MAX_LEGS as u16 {
            self.look_after_talk(now_us, slot);
        }
        self.relays = self.talks.iter_mut().any(|(_, talk)| matches!(talk.mode, Mode::Relay));
    }

    fn look_after_agents(&mut self, now_us: u64) {
        let limits = self.limits;
        for (_, agent) in self.agents.iter_mut() {
            if agent.became_unreachable(now_us, limits.agent_silence_us) {
                self.teller.tell(News::Reachable(agent.id, false));
                continue;
            }
            if agent.wants_keep_alive(now_us, limits.keep_alive_us) && send_silence(now_us, agent, &mut self.exits) {
                self.exits.counters.keep_alives.bump();
            }
            agent.report(now_us, limits.report_us, &mut self.exits);
        }
    }

    fn look_after_talk(&mut self, now_us: u64, slot: u16) {
        let Some(talk) = self.talks.get_mut(slot) else { return };
        if !talk.watch.look_is_due(now_us, LOOK_US) {
            return;
        }
        let (changed, over) = (talk.watch.look(now_us), talk.watch.window_is_over(now_us));
        if !changed && !over {
            return;
        }
        let Some(readings) = self.talks.get(slot).map(|talk| self.readings(talk)) else { return };
        let Some(talk) = self.talks.get_mut(slot) else { return };
        let figures = talk.watch.figures(now_us, readings.0, readings.1, over);
        self.teller.tell(News::Health(talk.agent, figures));
        if over && let Some(Slot::Agent(agent)) = talk.members[usize::from(AGENT)] {
            let Some(agent) = self.agents.get_mut(agent) else { return };
            if let Some(wish) = agent.judge() {
                self.teller.tell(News::Link(agent.id, wish));
            }
            if let Mode::Mixed(mix) = &mut talk.mode
                && let Some(seat) = mix.seat(usize::from(AGENT))
            {
                seat.expect_loss(agent.correction_percent());
            }
        }
    }
}

fn pass_to_agent(
    now_us: u64,
    agent: &mut AgentLeg,
    header: &Header,
    (output, samples): (&mut [u8; OUTPUT_BYTES], usize),
    exits: &mut Exits,
) {
    agent.out.set_payload_type(super::agent::ALAW_TYPE);
    match agent.out.relay(now_us, header, samples) {
        Some(header) if agent.send(now_us, &header, output, samples, exits) => exits.counters.to_agents.bump(),
        Some(_) => {}
        None => exits.counters.repeated.bump(),
    }
}

fn pass_to_trunk(
    now_us: u64,
    trunk: &mut TrunkLeg,
    header: &Header,
    (output, samples): (&mut [u8; OUTPUT_BYTES], usize),
    exits: &mut Exits,
) {
    if trunk.pressing.is_some() {
        return;
    }
    let Some(header) = trunk.out.relay(now_us, header, samples) else { return exits.counters.repeated.bump() };
    if trunk.send_alaw(&header, output, samples, &exits.counters) {
        exits.counters.to_trunks.bump();
    }
}

/// What was mixed, or waited, for a trunk.
fn say_to_trunk(now_us: u64, trunk: &mut TrunkLeg, samples: &[i16], exits: &mut Exits) {
    if trunk.pressing.is_some() {
        return;
    }
    let mut output = [0; OUTPUT_BYTES];
    encode_alaw(samples, &mut output[HEADER_BYTES..HEADER_BYTES + samples.len()]);
    let header = trunk.out.proceed(now_us, samples.len());
    if trunk.send_alaw(&header, &mut output, samples.len(), &exits.counters) {
        exits.counters.mixed.bump();
    }
}

fn say_to_agent(now_us: u64, agent: &mut AgentLeg, (mix, place): (&mut Mix, usize), samples: &[i16; FRAME_SAMPLES], exits: &mut Exits) {
    let mut output = [0; OUTPUT_BYTES];
    let room = &mut output[HEADER_BYTES..HEADER_BYTES + MAX_PACKET_SAMPLES];
    let encoded = mix.seat(place).filter(|seat| seat.hears_opus()).map(|seat| seat.encode(samples, room));
    match encoded {
        Some(Some(length)) => {
            exits.counters.opus_frames.bump();
            if agent.proceed(now_us, &mut output, (length, Payload::Opus, FRAME_SAMPLES), exits) {
                exits.counters.mixed.bump();
            }
        }
        Some(None) => exits.counters.send_failures.bump(),
        None => say_alaw_to_agent(now_us, agent, samples, exits),
    }
}

fn say_alaw_to_agent(now_us: u64, agent: &mut AgentLeg, samples: &[i16], exits: &mut Exits) {
    let mut output = [0; OUTPUT_BYTES];
    encode_alaw(samples, &mut output[HEADER_BYTES..HEADER_BYTES + samples.len()]);
    if agent.proceed(now_us, &mut output, (samples.len(), Payload::Alaw, samples.len()), exits) {
        exits.counters.mixed.bump();
    }
}

fn send_silence(now_us: u64, agent: &mut AgentLeg, exits: &mut Exits) -> bool {
    let mut output = [ALAW_SILENCE; OUTPUT_BYTES];
    agent.out.set_payload_type(super::agent::ALAW_TYPE);
    let header = agent.out.originate(now_us, FRAME_SAMPLES);
    agent.send(now_us, &header, &mut output, FRAME_SAMPLES, exits)
}

/// The largest number of parties fits a mixer.
const _: () = assert!(MAX_MEMBERS <= voice::mixer::MAX_PARTIES);
