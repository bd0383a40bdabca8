//! The media edge: media threads that own every voice path, and control, which serves them. Spoken to by plain values only.
//!
//! Commands are carried out by control on the thread of the handle's owner: it makes what is needed and orders the media threads by lock-free
//! rings and eventfds; their news come back the same way and leave through the [`Inbox`], audio for the recorder by a ring of each thread.
//! Nothing on a packet's way allocates, waits or logs. Not here: what a call is, recording.

mod agent;
mod ahead;
mod budget;
mod control;
mod counters;
pub(crate) mod frame;
mod guard;
mod health;
mod keys;
mod link;
mod mix;
mod negotiate;
mod net;
mod orders;
mod player;
mod ports;
mod relay;
mod roll;
mod secret;
mod strain;
mod stream;
mod table;
mod talk;
mod tap;
#[cfg(test)]
mod tests;
mod trunk;
mod urgent;
mod wheel;
mod wide;
mod worker;

pub(crate) use counters::MediaCounters;

use crate::switchboard::Inbox;
use crate::tunnel::{MediaTunnel, TunnelInput, TunnelOutlet};
use agent::Exits;
use budget::Ceiling;
use call_core::command::MediaCommand;
use control::{Control, Lane, Parts};
use counters::Counters;
use net::{Bell, Poller, Token, VoiceSocket, Waker};
use orders::{NEWS, News, ORDERS, Order};
use player::Library;
use ports::PortPool;
use rustix::fd::OwnedFd;
use shared::model::LegId;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strain::Gauge;
use worker::{CARRIED, Carried, Door, Inlets, Neighbour, Outlets, Teller, Worker};

/// More media threads than this serve no hotline.
const MOST_THREADS: usize = 64;

/// What the edge needs to know, resolved from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct MediaSettings {
    /// Our sides of trunks' voice, one for each kind of address; the first one is there.
    pub(crate) homes: Vec<Home>,
    /// UDP ports for trunk legs; even numbers are used for RTP, the odd ones behind them for reports.
    pub(crate) ports: RangeInclusive<u16>,
    /// The one UDP address for all agents' SRTP.
    pub(crate) agent_listen: SocketAddr,
    /// Music while waiting: A-law, 8 kHz, mono, without a header.
    pub(crate) music: Vec<u8>,
    /// Prompts by name, likewise.
    pub(crate) prompts: Vec<(String, Vec<u8>)>,
    /// Media threads; one less than there are cores if not said, and at least one.
    pub(crate) threads: Option<usize>,
    /// Most calls at a time, by what a plain one costs; what the machine can do if not said.
    pub(crate) call_limit: Option<u32>,
}

/// Our side of trunks' voice, IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home {
    /// Address to bind trunk ports on.
    pub(crate) bind: IpAddr,
    /// Address that stands in our SDP.
    pub(crate) advertise: IpAddr,
}

impl MediaSettings {
    /// How many media threads there are.
    pub(crate) fn thread_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or(cores - 1).clamp(1, MOST_THREADS)
    }
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
    /// How often reports are sent (RFC 3550 asks for 5 s at most; ours are a thousandth of the voice).
    report: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agent_silence: Duration::from_secs(3),
            keep_alive: Duration::from_secs(1),
            port_rest: Duration::from_secs(2),
            trunk_silence: Duration::from_secs(30),
            report: Duration::from_secs(2),
        }
    }
}

/// The running edge. Dropping it stops its threads.
#[derive(Debug)]
pub(crate) struct MediaHandle {
    control: Control,
    agent_port: u16,
    figures: MediaFigures,
}

impl MediaHandle {
    /// Carries a command out; never blocks. What the media threads have to do of it they do after [`Self::tend`].
    pub(crate) fn send(&mut self, command: MediaCommand) {
        self.control.take(command);
    }

    /// Tells what the media threads have said, and wakes those that have something to do. Wanted when [`Self::bell`] was rung, and after
    /// commands.
    pub(crate) fn tend(&mut self) {
        self.control.tend();
    }

    /// An eventfd that can be read when the media threads have said something.
    ///
    /// # Errors
    /// There are no file descriptors left.
    pub(crate) fn bell(&self) -> io::Result<OwnedFd> {
        self.control.bell()
    }

    /// The UDP port on which agents are heard.
    pub(crate) fn agent_port(&self) -> u16 {
        self.agent_port
    }

    /// For whoever wants to know what happened to packets.
    pub(crate) fn figures(&self) -> MediaFigures {
        self.figures.clone()
    }
}

/// A look at the counters of the running edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MediaFigures {
    counters: Arc<[Arc<Counters>]>,
    gauges: Arc<[Arc<Gauge>]>,
}

impl MediaFigures {
    /// What happened to packets since the start.
    pub(crate) fn read(&self) -> MediaCounters {
        self.counters.iter().map(|counters| counters.snapshot()).fold(MediaCounters::default(), std::ops::Add::add)
    }

    /// Share of its time that each media thread worked in the last second, in 1/1,000.
    pub(crate) fn loads_permille(&self) -> Vec<u32> {
        self.gauges.iter().map(|gauge| gauge.load_permille()).collect()
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        self.control.end();
    }
}

/// What joins the edge with its surroundings.
#[derive(Debug)]
pub(crate) struct MediaJoints {
    /// To the core.
    pub(crate) inbox: Inbox,
    /// To the recorder, one for each media thread.
    pub(crate) taps: Vec<rtrb::Producer<frame::TapFrame>>,
    /// To the gateway.
    pub(crate) tunnel: MediaTunnel,
}

/// Binds the agents' port and starts the threads; there are as many as there are taps.
///
/// # Errors
/// The agents' port is busy, or the port range is empty.
pub(crate) fn start(settings: MediaSettings, joints: MediaJoints) -> io::Result<MediaHandle> {
    start_with(settings, Limits::default(), joints)
}

fn start_with(settings: MediaSettings, limits: Limits, joints: MediaJoints) -> io::Result<MediaHandle> {
    let ports = PortPool::new(&settings.ports, limits.port_rest, ports::most_kept(open_files()));
    if ports.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the range of media ports holds no even port"));
    }
    let (library, prompts) = Library::new(settings.music, settings.prompts);
    let socket = VoiceSocket::bind(settings.agent_listen)?;
    socket.enlarge_buffers();
    let agent_port = socket.local_port()?;
    let (bell, waker) = Bell::new()?;
    let started = Instant::now();
    let crew = Crew { sounds: library, limits, waker: waker.clone(), socket, started };
    let (lanes, counters) = crew.start(joints.taps, joints.tunnel)?;
    let figures =
        MediaFigures { counters: counters.iter().cloned().collect(), gauges: lanes.iter().map(|lane| Arc::clone(&lane.gauge)).collect() };
    let control = Control::new(Parts {
        bell,
        lanes,
        ports,
        homes: settings.homes,
        agent_port,
        prompts,
        inbox: joints.inbox,
        counters: counters.last().cloned().unwrap_or_default(),
        started,
        ceiling: Ceiling::of(settings.call_limit),
    });
    Ok(MediaHandle { control, agent_port, figures })
}

/// How many files this process may have open; `None` if it is not limited.
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// What all media threads have in common.
struct Crew {
    sounds: Library,
    limits: Limits,
    /// Rings for control.
    waker: Waker,
    socket: VoiceSocket,
    started: Instant,
}

impl Crew {
    /// Starts one thread for each tap, the first one last: it knows the others. The counters are those of the threads and, last, of control.
    fn start(self, taps: Vec<rtrb::Producer<frame::TapFrame>>, tunnel: MediaTunnel) -> io::Result<(Vec<Lane>, Vec<Arc<Counters>>)> {
        let (mut lanes, mut neighbours, mut counters) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows: Vec<_> = taps.into_iter().zip(tunnel.outlets).enumerate().collect();
        let first = rows.drain(..1.min(rows.len())).next();
        for (place, (tap, outlet)) in rows {
            let (ring, carried) = rtrb::RingBuffer::new(CARRIED);
            let (lane, waker) = self.thread(place, (tap, outlet), carried, None, &mut counters)?;
            neighbours.push(Neighbour { ring, waker, is_given: false });
            lanes.push(lane);
        }
        if let Some((place, row)) = first {
            let door = Door::new(neighbours, tunnel.input);
            let (_, carried) = rtrb::RingBuffer::new(1);
            let (lane, _) = self.thread(place, row, carried, Some(door), &mut counters)?;
            lanes.insert(0, lane);
        }
        counters.push(Arc::default());
        Ok((lanes, counters))
    }

    fn thread(
        &self,
        place: usize,
        (taps, tunnel): (rtrb::Producer<frame::TapFrame>, TunnelOutlet),
        carried: rtrb::Consumer<Carried>,
        door: Option<Door>,
        all_counters: &mut Vec<Arc<Counters>>,
    ) -> io::Result<(Lane, Waker)> {
        let counters: Arc<Counters> = Arc::default();
        all_counters.push(Arc::clone(&counters));
        let (poller, waker) = Poller::new()?;
        if let Some(Door { tunnel: TunnelInput { bell, .. }, .. }) = &door {
            poller.add(&self.socket, Token::Agents)?;
            poller.watch(&*bell.0, Token::Tunnel)?;
        }
        let (orders, waiting) = frame::ring_in_memory(ORDERS, || Order::RemoveTrunk(0));
        let (teller, news) = frame::ring_in_memory(NEWS, || News::Reachable(LegId(0), false));
        let gauge: Arc<Gauge> = Arc::default();
        let inlets = Inlets { poller, orders: waiting, carried, door };
        let outlets = Outlets {
            taps,
            exits: Exits { socket: self.socket.share()?, tunnel, counters: Arc::clone(&counters) },
            teller: Teller::new(teller, self.waker.clone(), counters),
            gauge: Arc::clone(&gauge),
        };
        let worker = Worker::new(self.sounds.clone(), &self.limits, inlets, outlets, self.started);
        let core = urgent::own_core(place);
        let thread = std::thread::Builder::new().name(format!("media-{place}")).spawn(move || worker.run(core))?;
        Ok((Lane::new(orders, news, (waker.clone(), gauge, Some(thread))), waker))
    }
}
