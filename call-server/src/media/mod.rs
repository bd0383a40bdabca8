//! The media edge: one epoll thread that owns every voice path. Spoken to by plain values only.
//!
//! Commands come by a lock-free ring and an eventfd; news leave through the [`Inbox`], audio for the recorder by another ring. Nothing on
//! a packet's way allocates, waits or logs. Not here: what a call is, encoding other than G.711, recording.

mod agent;
mod commands;
mod counters;
pub(crate) mod frame;
mod net;
mod ports;
mod relay;
mod stream;
mod tap;
#[cfg(test)]
mod tests;
mod trunk;
mod urgent;
mod wheel;
mod worker;

pub(crate) use counters::MediaCounters;

use crate::switchboard::Inbox;
use call_core::command::MediaCommand;
use counters::Counters;
use net::{Poller, VoiceSocket, Waker};
use ports::PortPool;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use worker::{Inlets, Outlets, Worker};

/// Commands that may wait for the media thread, which takes them at once: far more than there are calls.
const COMMAND_RING: usize = 4_096;

/// What the edge needs to know, resolved from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct MediaSettings {
    /// Address to bind trunk ports on.
    pub(crate) bind: IpAddr,
    /// Address that stands in our SDP.
    pub(crate) advertise: IpAddr,
    /// UDP ports for trunk legs; even numbers are used for RTP.
    pub(crate) ports: RangeInclusive<u16>,
    /// The one UDP address for all agents' SRTP.
    pub(crate) agent_listen: SocketAddr,
    /// Music while waiting: A-law, 8 kHz, mono, without a header.
    pub(crate) music: Vec<u8>,
}

/// How long things take, apart from the pace of audio. Tests shorten them.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// An agent who is not heard for so long is not reachable.
    agent_silence: Duration,
    /// An agent to whom nothing was sent for so long gets a silent packet.
    keep_alive: Duration,
    /// A closed port is not used again for so long: late packets of the old call must not reach the new one.
    port_rest: Duration,
    /// A connected trunk leg without packets for so long is counted.
    trunk_silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agent_silence: Duration::from_secs(3),
            keep_alive: Duration::from_secs(1),
            port_rest: Duration::from_secs(2),
            trunk_silence: Duration::from_secs(30),
        }
    }
}

/// The way to the running edge. Dropping it stops the media thread.
#[derive(Debug)]
pub(crate) struct MediaHandle {
    commands: Option<rtrb::Producer<MediaCommand>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    agent_port: u16,
    counters: Arc<Counters>,
}

impl MediaHandle {
    /// Hands a command over; never blocks. If the media thread has not taken [`COMMAND_RING`] commands it is lost, and so is the command.
    pub(crate) fn send(&mut self, command: MediaCommand) {
        let Some(commands) = &mut self.commands else { return };
        if commands.push(command).is_err() {
            tracing::error!(waiting = COMMAND_RING, "the media thread takes no commands: a command was lost");
        }
        self.waker.wake();
    }

    /// The UDP port on which agents are heard.
    pub(crate) fn agent_port(&self) -> u16 {
        self.agent_port
    }

    /// For whoever wants to know what happened to packets.
    pub(crate) fn figures(&self) -> MediaFigures {
        MediaFigures { counters: Arc::clone(&self.counters) }
    }
}

/// A look at the counters of the running edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MediaFigures {
    counters: Arc<Counters>,
}

impl MediaFigures {
    /// What happened to packets since the start.
    pub(crate) fn read(&self) -> MediaCounters {
        self.counters.snapshot()
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        self.commands = None;
        self.waker.wake();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the media thread had ended by a panic");
        }
    }
}

/// Binds the agents' port and starts the media thread.
///
/// # Errors
/// The agents' port is busy, or the port range is empty.
pub(crate) fn start(settings: MediaSettings, inbox: Inbox, taps: rtrb::Producer<frame::TapFrame>) -> io::Result<MediaHandle> {
    start_with(settings, Limits::default(), inbox, taps)
}

fn start_with(settings: MediaSettings, limits: Limits, inbox: Inbox, taps: rtrb::Producer<frame::TapFrame>) -> io::Result<MediaHandle> {
    let ports = PortPool::new(&settings.ports, limits.port_rest);
    if ports.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the range of media ports holds no even port"));
    }
    let agents_socket = VoiceSocket::bind(settings.agent_listen)?;
    agents_socket.enlarge_buffers();
    let agent_port = agents_socket.local_port()?;
    let (poller, waker) = Poller::new()?;
    poller.add(&agents_socket, net::Token::Agents)?;
    let (commands, waiting) = rtrb::RingBuffer::new(COMMAND_RING);
    let counters = Arc::new(Counters::default());
    let outlets = Outlets { inbox, taps, counters: Arc::clone(&counters) };
    let inlets = Inlets { ports, agents_socket, agent_port, poller, commands: waiting };
    let worker = Worker::new(settings, limits, inlets, outlets);
    let thread = std::thread::Builder::new().name("media".to_owned()).spawn(move || worker.run())?;
    Ok(MediaHandle { commands: Some(commands), waker, thread: Some(thread), agent_port, counters })
}
