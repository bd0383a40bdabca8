//! The media thread: owns all legs, waits for packets, commands and the next turn of music. One worker is one thread; a second one would
//! get a poller, a command ring and legs of its own.

use super::agent::AgentLeg;
use super::counters::Counters;
use super::frame::TapFrame;
use super::net::{Poller, Token, VoiceSocket};
use super::ports::PortPool;
use super::relay::Music;
use super::tap::Tap;
use super::trunk::TrunkLeg;
use super::urgent;
use super::wheel::Wheel;
use super::{Limits, MediaSettings};
use crate::switchboard::Inbox;
use call_core::command::MediaCommand;
use shared::model::{AgentId, LegId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often paths are looked after while there is any leg.
const LOOK_AFTER_US: u64 = 50_000;

/// Where news, audio and numbers go.
#[derive(Debug)]
pub(super) struct Outlets {
    /// To the core.
    pub(super) inbox: Inbox,
    /// To the recorder.
    pub(super) taps: rtrb::Producer<TapFrame>,
    /// To whoever looks.
    pub(super) counters: Arc<Counters>,
}

/// The same without the recorder's ring, which the tap owns.
#[derive(Debug)]
pub(super) struct News {
    /// To the core.
    pub(super) inbox: Inbox,
    /// To whoever looks.
    pub(super) counters: Arc<Counters>,
}

/// [`Limits`] in the thread's own unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitsUs {
    /// See [`Limits::agent_silence`].
    pub(super) agent_silence_us: u64,
    /// See [`Limits::keep_alive`].
    pub(super) keep_alive_us: u64,
    /// See [`Limits::trunk_silence`].
    pub(super) trunk_silence_us: u64,
}

/// All agents' paths.
#[derive(Debug, Default)]
pub(super) struct Agents {
    legs: HashMap<LegId, AgentLeg>,
    by_ssrc: HashMap<u32, LegId>,
}

impl Agents {
    /// Adds a path.
    pub(super) fn insert(&mut self, id: LegId, leg: AgentLeg) {
        self.by_ssrc.insert(leg.client_ssrc, id);
        self.legs.insert(id, leg);
    }

    /// Takes a path out.
    pub(super) fn remove(&mut self, id: LegId) -> Option<AgentLeg> {
        let leg = self.legs.remove(&id)?;
        self.by_ssrc.remove(&leg.client_ssrc);
        Some(leg)
    }

    /// A path.
    pub(super) fn get(&self, id: LegId) -> Option<&AgentLeg> {
        self.legs.get(&id)
    }

    /// A path.
    pub(super) fn get_mut(&mut self, id: LegId) -> Option<&mut AgentLeg> {
        self.legs.get_mut(&id)
    }

    /// The path whose client sends with this source.
    pub(super) fn by_ssrc(&mut self, ssrc: u32) -> Option<(LegId, &mut AgentLeg)> {
        let id = *self.by_ssrc.get(&ssrc)?;
        Some((id, self.legs.get_mut(&id)?))
    }

    /// Whether some client sends with this source.
    pub(super) fn has_ssrc(&self, ssrc: u32) -> bool {
        self.by_ssrc.contains_key(&ssrc)
    }

    /// The path of this person.
    pub(super) fn of_agent(&self, agent: AgentId) -> Option<LegId> {
        self.legs.iter().find(|(_, leg)| leg.agent == agent).map(|(id, _)| *id)
    }

    /// Whether there is no path.
    pub(super) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// All paths, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&LegId, &mut AgentLeg)> {
        self.legs.iter_mut()
    }
}

/// Everything the media thread owns.
#[derive(Debug)]
pub(super) struct Worker {
    /// Citizens' legs.
    pub(super) trunks: HashMap<LegId, TrunkLeg>,
    /// Agents' legs.
    pub(super) agents: Agents,
    /// The one socket of all agents.
    pub(super) agents_socket: VoiceSocket,
    /// Its port.
    pub(super) agent_port: u16,
    /// For trunk legs.
    pub(super) ports: PortPool,
    /// Where trunk ports are bound.
    pub(super) bind: IpAddr,
    /// Where the far side is to send, as our descriptions say.
    pub(super) advertise: IpAddr,
    /// What waiting citizens hear.
    pub(super) music: Music,
    /// Whose turn it is to hear it.
    pub(super) wheel: Wheel,
    /// The recorder's ear.
    pub(super) tap: Tap,
    /// Where news and numbers go.
    pub(super) outlets: News,
    /// How long things take.
    pub(super) limits: LimitsUs,
    /// Watches all sockets.
    pub(super) poller: Poller,
    commands: rtrb::Consumer<MediaCommand>,
    look_after_us: u64,
    started: Instant,
}

/// What a worker gets from whoever starts it.
#[derive(Debug)]
pub(super) struct Inlets {
    /// Free ports.
    pub(super) ports: PortPool,
    /// The bound agents' socket.
    pub(super) agents_socket: VoiceSocket,
    /// Its port.
    pub(super) agent_port: u16,
    /// Watches the agents' socket and the waker already.
    pub(super) poller: Poller,
    /// From the handle.
    pub(super) commands: rtrb::Consumer<MediaCommand>,
}

impl Worker {
    /// A worker without legs.
    pub(super) fn new(settings: MediaSettings, limits: Limits, inlets: Inlets, outlets: Outlets) -> Self {
        Self {
            trunks: HashMap::new(),
            agents: Agents::default(),
            agents_socket: inlets.agents_socket,
            agent_port: inlets.agent_port,
            ports: inlets.ports,
            bind: settings.bind,
            advertise: settings.advertise,
            music: Music::new(settings.music),
            wheel: Wheel::new(),
            tap: Tap::new(outlets.taps),
            outlets: News { inbox: outlets.inbox, counters: outlets.counters },
            limits: LimitsUs {
                agent_silence_us: microseconds(limits.agent_silence),
                keep_alive_us: microseconds(limits.keep_alive),
                trunk_silence_us: microseconds(limits.trunk_silence),
            },
            poller: inlets.poller,
            commands: inlets.commands,
            look_after_us: 0,
            started: Instant::now(),
        }
    }

    /// Runs until the handle is gone.
    pub(super) fn run(mut self) {
        if let Err(error) = urgent::make_current_thread_urgent() {
            // A metric of its own beside the log: `media.without_priority` in the status.
            self.outlets.counters.without_priority.bump();
            tracing::warn!(error, "the media thread runs without real-time priority: voices may stutter when the machine is busy");
        }
        while self.turn() {}
        self.close_all(self.now_us());
    }

    /// One wait and what follows from it. False when the handle is gone or waiting has become impossible.
    fn turn(&mut self) -> bool {
        let timeout = self.timeout();
        if let Err(error) = self.poller.wait(timeout) {
            tracing::error!(%error, "the media thread cannot wait for packets and ends");
            return false;
        }
        while let Some(token) = self.poller.ready() {
            match token {
                Token::Wake => {
                    if !self.take_commands() {
                        return false;
                    }
                }
                Token::Agents => self.hear_agents(self.now_us()),
                Token::Trunk(leg) => self.hear_trunk(self.now_us(), leg),
            }
        }
        let now_us = self.now_us();
        self.play_music(now_us);
        if now_us >= self.look_after_us {
            self.look_after_us = now_us + LOOK_AFTER_US;
            self.look_after(now_us);
        }
        true
    }

    fn take_commands(&mut self) -> bool {
        // Asked first: what was sent before the handle went must still be carried out.
        let is_last = self.commands.is_abandoned();
        while let Ok(command) = self.commands.pop() {
            self.obey(self.now_us(), command);
        }
        !is_last
    }

    fn timeout(&self) -> Option<Duration> {
        let has_legs = !self.trunks.is_empty() || !self.agents.is_empty();
        let look_after = has_legs.then_some(self.look_after_us);
        let next_us = [look_after, self.wheel.next_us()].into_iter().flatten().min()?;
        Some(Duration::from_micros(next_us.saturating_sub(self.now_us())))
    }

    fn now_us(&self) -> u64 {
        microseconds(self.started.elapsed())
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
