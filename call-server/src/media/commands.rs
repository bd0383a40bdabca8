//! Carrying out the core's commands. This is not the packet path: it may allocate and log.

use super::agent::{AgentLeg, Keys};
use super::frame::TapKind;
use super::net::{Token, VoiceSocket};
use super::relay::Bridge;
use super::stream::OutgoingStream;
use super::trunk::{Agreement, Format, Path, Role, TrunkLeg};
use super::worker::Worker;
use call_core::Input;
use call_core::command::{MediaAccess, MediaCommand, SessionText, Sound};
use call_core::input::MediaFailure;
use shared::model::{AgentId, LegId, RecordingId};
use sip_core::sdp::{Codec, LateOffer, Local, OUR_TELEPHONE_EVENT, Offer, SdpError};
use std::net::SocketAddr;

/// Our codecs, the liked one first: A-law needs no change on its way to the agent.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

impl Worker {
    /// Carries out one command.
    pub(super) fn obey(&mut self, now_us: u64, command: MediaCommand) {
        match command {
            MediaCommand::OpenTrunk { leg, offer } => self.open_trunk(now_us, leg, offer.as_ref()),
            MediaCommand::Follow { leg, description } => self.follow(leg, &description),
            MediaCommand::OpenAgent { agent, leg } => self.open_agent(now_us, agent, leg),
            MediaCommand::Play { leg, sound } => self.play(now_us, leg, sound),
            MediaCommand::Connect { citizen, agent, recording } => self.connect(now_us, citizen, agent, recording),
            MediaCommand::Disconnect { citizen } => self.part(now_us, citizen),
            MediaCommand::Close { leg } => self.close(now_us, leg),
            MediaCommand::Announce { leg, then, .. } => {
                self.play(now_us, leg, then);
                self.outlets.inbox.send(Input::AnnouncementEnded { leg, end: call_core::input::AnnouncementEnd::NoPrompt });
            }
            MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::MaskKeys { .. } => {}
        }
    }

    /// Ends every talk, so that the recorder learns where each one stopped.
    pub(super) fn close_all(&mut self, now_us: u64) {
        let legs: Vec<LegId> = self.trunks.keys().copied().collect();
        legs.into_iter().for_each(|leg| self.close(now_us, leg));
    }

    fn open_trunk(&mut self, now_us: u64, leg: LegId, offer: Option<&SessionText>) {
        self.close(now_us, leg);
        let input = match self.try_open_trunk(now_us, leg, offer) {
            Ok(answer) => Input::MediaOpened { leg, answer },
            Err(reason) => {
                tracing::info!(leg = leg.0, ?reason, "a trunk leg could not be opened");
                Input::MediaFailed { leg, reason }
            }
        };
        self.outlets.inbox.send(input);
    }

    fn try_open_trunk(&mut self, now_us: u64, leg: LegId, offer: Option<&SessionText>) -> Result<SessionText, MediaFailure> {
        let offer = offer.map(|text| Offer::parse(&text.0)).transpose().map_err(blame)?;
        if offer.as_ref().is_some_and(|offer| offer.choose(&CODECS).is_none()) {
            return Err(MediaFailure::NoCommonCodec);
        }
        let (ssrc, start) = random().map_err(|_| MediaFailure::Io)?;
        let bind = self.bind;
        let open = |port| VoiceSocket::bind(SocketAddr::new(bind, port));
        let (port, socket) = self.ports.take(now_us, open).ok_or(MediaFailure::NoPorts)?;
        let local = Local { address: self.advertise, port, session_id: leg.0, session_version: 1 };
        let (agreement, text) = match &offer {
            Some(offer) => answer(offer, local)?,
            None => late_offer(local),
        };
        if self.poller.add(&socket, Token::Trunk(leg)).is_err() {
            self.ports.give_back(now_us, port);
            return Err(MediaFailure::Io);
        }
        let out = OutgoingStream::new(ssrc, first_payload_type(agreement.format), start);
        self.trunks.insert(leg, TrunkLeg::new(socket, port, agreement, out, now_us));
        Ok(SessionText(text.into()))
    }

    /// A description that cannot be used changes nothing: the SIP side has checked it, so this is a late answer in an ACK at worst.
    fn follow(&mut self, leg: LegId, description: &SessionText) {
        let Some(found) = self.trunks.get_mut(&leg) else { return };
        match Offer::parse(&description.0).map_err(blame).and_then(|offer| agreed(&offer)) {
            Ok(agreement) => found.follow(agreement),
            Err(reason) => {
                tracing::info!(leg = leg.0, ?reason, "the far side's new description cannot be used; the old one stays in force")
            }
        }
    }

    fn open_agent(&mut self, now_us: u64, agent: AgentId, leg: LegId) {
        if let Some(older) = self.agents.of_agent(agent) {
            self.close(now_us, older);
        }
        let input = match self.try_open_agent(agent, leg) {
            Ok(access) => Input::AgentMediaOpened { agent, leg, access },
            Err(error) => {
                tracing::error!(%error, "no randomness for an agent's keys");
                Input::MediaFailed { leg, reason: MediaFailure::Io }
            }
        };
        self.outlets.inbox.send(input);
    }

    fn try_open_agent(&mut self, agent: AgentId, leg: LegId) -> Result<MediaAccess, getrandom::Error> {
        let keys = Keys::generate(|ssrc| self.agents.has_ssrc(ssrc))?;
        self.agents.insert(leg, AgentLeg::new(agent, &keys, getrandom::u64()?));
        Ok(keys.access(self.agent_port))
    }

    fn play(&mut self, now_us: u64, id: LegId, sound: Sound) {
        let Some(leg) = self.trunks.get_mut(&id) else { return };
        if matches!(leg.role, Role::Talking(_)) {
            tracing::warn!(leg = id.0, "a talking leg was to hear something else; it goes on talking");
            return;
        }
        self.wheel.remove(id);
        match sound {
            Sound::Silence => leg.role = Role::Silent,
            Sound::Music => {
                leg.role = Role::Music(0);
                self.wheel.add(now_us, id);
            }
        }
    }

    fn connect(&mut self, now_us: u64, citizen: LegId, agent: LegId, recording: RecordingId) {
        self.part(now_us, citizen);
        if let Some(bridge) = self.agents.get(agent).and_then(|leg| leg.bridge) {
            self.part(now_us, bridge.peer);
        }
        let (Some(citizen_leg), Some(agent_leg)) = (self.trunks.get_mut(&citizen), self.agents.get_mut(agent)) else {
            tracing::warn!(citizen = citizen.0, agent = agent.0, "legs were to be joined of which one is gone");
            return;
        };
        self.wheel.remove(citizen);
        citizen_leg.role = Role::Talking(Bridge { peer: agent, recording });
        agent_leg.bridge = Some(Bridge { peer: citizen, recording });
        self.tap.mark(&self.outlets.counters, recording, now_us, TapKind::Begin);
    }

    /// Ends the talk of a citizen, if there is one.
    fn part(&mut self, now_us: u64, citizen: LegId) {
        let Some(leg) = self.trunks.get_mut(&citizen) else { return };
        let Role::Talking(bridge) = leg.role else { return };
        leg.role = Role::Silent;
        if let Some(agent) = self.agents.get_mut(bridge.peer) {
            agent.bridge = None;
        }
        self.tap.mark(&self.outlets.counters, bridge.recording, now_us, TapKind::End);
    }

    fn close(&mut self, now_us: u64, id: LegId) {
        self.part(now_us, id);
        self.wheel.remove(id);
        if let Some(leg) = self.trunks.remove(&id) {
            self.ports.give_back(now_us, leg.port);
        }
        if let Some(bridge) = self.agents.get(id).and_then(|leg| leg.bridge) {
            self.part(now_us, bridge.peer);
        }
        self.agents.remove(id);
    }
}

fn random() -> Result<(u32, u64), getrandom::Error> {
    Ok((getrandom::u32()?, getrandom::u64()?))
}

fn blame(error: SdpError) -> MediaFailure {
    match error {
        SdpError::NoAudio => MediaFailure::NoCommonCodec,
        SdpError::TooLarge | SdpError::NotSdp | SdpError::BadMediaLine | SdpError::NoAddress | SdpError::UnusableAddress => {
            MediaFailure::BadOffer
        }
    }
}

fn answer(offer: &Offer, local: Local) -> Result<(Agreement, String), MediaFailure> {
    let answer = offer.answer(local, &CODECS).ok_or(MediaFailure::NoCommonCodec)?;
    Ok((agreed(offer)?, answer.to_string()))
}

/// What the far side's description, an offer or an answer, comes to.
fn agreed(theirs: &Offer) -> Result<Agreement, MediaFailure> {
    let codec = theirs.choose(&CODECS).ok_or(MediaFailure::NoCommonCodec)?;
    Ok(Agreement {
        path: Path::Announced(SocketAddr::new(theirs.address, theirs.port)),
        format: Format::Agreed(codec.number, codec.codec),
        telephone_event: theirs.telephone_event,
        listens: theirs.direction.receives(),
    })
}

/// The far side's own description comes later than its packets may: both laws are understood, and the first packet tells where it is.
fn late_offer(local: Local) -> (Agreement, String) {
    let agreement = Agreement { path: Path::Unknown, format: Format::Open, telephone_event: Some(OUR_TELEPHONE_EVENT), listens: true };
    (agreement, LateOffer::new(local, CODECS.into()).to_string())
}

fn first_payload_type(format: Format) -> u8 {
    match format {
        Format::Agreed(payload_type, _) => payload_type,
        Format::Open => Codec::Pcma.static_payload_type(),
    }
}
