//! The SIP edge: a thin skin of sockets and timers over `sip-core`. It knows trunks and legs, never agents or queues.
//!
//! One task owns every socket, the table of connections and an endpoint for each listener (RFC 3261); it never waits for the switchboard's
//! decisions, nor for a slow peer. A connection is a task of its own behind bounded queues.

mod allowance;
mod connection;
mod counters;
mod destination;
mod edge;
mod legs;
mod limits;
mod location;
mod masking;
mod rates;
mod refusal;
mod registrar;
mod scanners;
mod sockets;
mod strangers;
#[cfg(test)]
mod tests;
mod trace;
mod trunks;
mod unacknowledged;
#[cfg(test)]
mod wire_tests;
mod wires;

pub(crate) use counters::SipCounts;
pub(crate) use destination::{Destination, Transport};
pub(crate) use limits::SkinLimits;
pub(crate) use location::{LocateError, Locator};
pub(crate) use masking::Numbers;
pub(crate) use registrar::{BindingStatus, Network, PhoneAccount, PhoneBook, PhoneSettings, REALM};
pub(crate) use scanners::Banned;
pub(crate) use trace::{TraceReport, TracedMessage};
pub(crate) use trunks::{
    AttemptResult, CallResult, CarrierSettings, RegistrationSettings, StepResult, TestReport, TestWish, TrunkState, TrunkStatus,
};

use crate::switchboard::Inbox;
use call_core::command::SipCommand;
use counters::{Counter, Counters};
use shared::model::{InteractionId, LegId, TrunkId};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use wires::Wires;

/// Most orders that may wait for the edge's task.
const ORDER_LIMIT: usize = 65_536;
/// Longest wait of an operator's question for the edge's answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Longest wait for a test of a trunk.
const TEST_LIMIT: Duration = Duration::from_secs(60);

/// What the edge needs to know, resolved from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct SipSettings {
    /// UDP address to listen on: the first listener.
    pub(crate) listen: SocketAddr,
    /// Host that stands in our Via and Contact there.
    pub(crate) advertise: IpAddr,
    /// Further listeners.
    pub(crate) more: Vec<ListenerSettings>,
    /// Who may call in.
    pub(crate) trunks: Vec<TrunkSettings>,
    /// Phones of the house.
    pub(crate) phones: PhoneSettings,
    /// The DNS server that is asked where others are; those of the system if absent.
    pub(crate) name_server: Option<SocketAddr>,
    /// How connections of ours judge certificates; `None`: there is no list of authorities, so none is made over TLS.
    pub(crate) client: Option<Arc<rustls::ClientConfig>>,
    /// Whether numbers are written into the log of raw messages.
    pub(crate) numbers: Numbers,
    /// The area code of our own city, if it is known.
    pub(crate) home: Option<shared::model::AreaCode>,
    /// What strangers, slow peers and bursts may cost.
    pub(crate) limits: SkinLimits,
}

/// One place where SIP is listened to.
#[derive(Debug, Clone)]
pub(crate) struct ListenerSettings {
    /// What it carries.
    pub(crate) transport: Transport,
    /// Address and port.
    pub(crate) listen: SocketAddr,
    /// Host that stands in our Via and Contact there.
    pub(crate) advertise: IpAddr,
    /// Our certificate; for TLS, and only there.
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
}

impl SipSettings {
    /// Every listener; the place of each is its path.
    pub(crate) fn listeners(&self) -> Vec<ListenerSettings> {
        let first = ListenerSettings { transport: Transport::Udp, listen: self.listen, advertise: self.advertise, tls: None };
        std::iter::once(first).chain(self.more.iter().cloned()).collect()
    }

    /// The transports that we can send over, best first.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        let listeners = self.listeners();
        Transport::ALL.into_iter().filter(|transport| listeners.iter().any(|listener| listener.transport == *transport)).collect()
    }
}

/// One trunk.
#[derive(Debug, Clone)]
pub(crate) struct TrunkSettings {
    /// Its id.
    pub(crate) id: TrunkId,
    /// Its name, for logs.
    pub(crate) name: String,
    /// Addresses it sends from.
    pub(crate) sources: Vec<IpAddr>,
    /// Its calls are probe calls.
    pub(crate) probe: bool,
    /// How it is reached and kept.
    pub(crate) carrier: CarrierSettings,
}

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{address} over {transport}: {error}")]
pub(crate) struct StartError {
    /// What it should carry.
    pub(crate) transport: Transport,
    /// Where it should listen.
    pub(crate) address: SocketAddr,
    /// Why it cannot.
    pub(crate) error: std::io::Error,
}

/// What the edge's task is asked for.
#[derive(Debug)]
enum Order {
    /// The core commands.
    Command(SipCommand),
    /// Who is ignored?
    Banned(SyncSender<Vec<Banned>>),
    /// Ignore this one no longer.
    Forgive(IpAddr, SyncSender<bool>),
    /// About phones of the house.
    House(edge::HouseOrder),
    /// This leg belongs to that interaction.
    Belongs(LegId, InteractionId),
    /// What was said in it?
    Trace(InteractionId, SyncSender<Option<TraceReport>>),
    /// About trunks.
    Carriers(edge::CarrierOrder),
}

/// The way to the running edge. The edge stops when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct SipHandle {
    orders: mpsc::Sender<Order>,
    counters: Arc<Counters>,
    listening: Arc<[(Transport, SocketAddr)]>,
    local_address: SocketAddr,
}

impl SipHandle {
    /// Hands a command over; never blocks.
    pub(crate) fn send(&self, command: SipCommand) {
        if self.orders.try_send(Order::Command(command)).is_err() {
            self.counters.add(Counter::LostCommand);
            tracing::warn!(limit = ORDER_LIMIT, "the SIP edge is overloaded or gone: a command is lost");
        }
    }

    /// The address of the first listener; its port is the system's choice if port 0 was asked for.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Every listener, with the port that it really has.
    pub(crate) fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// What has happened since the start.
    pub(crate) fn counters(&self) -> SipCounts {
        self.counters.snapshot()
    }

    /// Who is ignored for a time; `None` if the edge does not answer. Waits; never call it on the edge's runtime.
    pub(crate) fn banned(&self) -> Option<Vec<Banned>> {
        self.ask(Order::Banned)
    }

    /// Ignores a source no longer. `Some(false)` if it was not ignored, `None` if the edge does not answer. Waits, as [`Self::banned`].
    pub(crate) fn forgive(&self, address: IpAddr) -> Option<bool> {
        self.ask(|reply| Order::Forgive(address, reply))
    }

    /// Takes a new list of phones; never blocks.
    pub(crate) fn learn_phones(&self, book: PhoneBook) {
        if self.orders.try_send(Order::House(edge::HouseOrder::Learn(Box::new(book)))).is_err() {
            tracing::warn!("the SIP edge is overloaded or gone: it does not know the new list of phones");
        }
    }

    /// Where the phones are; `None` if the edge does not answer. Waits, as [`Self::banned`].
    pub(crate) fn phones(&self) -> Option<Vec<BindingStatus>> {
        self.ask(|reply| Order::House(edge::HouseOrder::Status(reply)))
    }

    /// Says to which interaction a leg belongs, for the trace; never blocks.
    pub(crate) fn belongs(&self, leg: LegId, interaction: InteractionId) {
        // An overloaded edge has lost commands to tell of; a trace is not worth a word.
        let _ = self.orders.try_send(Order::Belongs(leg, interaction));
    }

    /// What was said in a call: `Some(None)` if it is not kept, `None` if the edge does not answer. Waits, as [`Self::banned`].
    pub(crate) fn trace(&self, interaction: InteractionId) -> Option<Option<TraceReport>> {
        self.ask(|reply| Order::Trace(interaction, reply))
    }

    /// How the trunks are; `None` if the edge does not answer. Waits, as [`Self::banned`].
    pub(crate) fn trunks(&self) -> Option<Vec<TrunkStatus>> {
        self.ask(|reply| Order::Carriers(edge::CarrierOrder::Status(reply)))
    }

    /// Tests a trunk; the error is a sentence. `None` if the edge does not answer. Waits up to a minute, as [`Self::banned`].
    pub(crate) fn test_trunk(&self, wish: TestWish) -> Option<Result<TestReport, String>> {
        let (reply, answer) = sync_channel(1);
        self.orders.try_send(Order::Carriers(edge::CarrierOrder::Test(wish, reply))).ok()?;
        answer.recv_timeout(TEST_LIMIT).ok()
    }

    fn ask<T>(&self, order: impl FnOnce(SyncSender<T>) -> Order) -> Option<T> {
        let (reply, answer) = sync_channel(1);
        self.orders.try_send(order(reply)).ok()?;
        answer.recv_timeout(ANSWER_LIMIT).ok()
    }
}

/// Opens every listener and starts the edge on the current tokio runtime; its connections live on `workers`.
///
/// # Errors
/// An address is busy or not ours, or the system has no randomness.
pub(crate) async fn start(settings: SipSettings, inbox: Inbox, workers: Handle) -> Result<SipHandle, StartError> {
    let counters = Arc::new(Counters::default());
    let listeners = settings.listeners();
    let wires = Wires::open(&listeners, settings.client.clone(), &settings.limits, counters.clone(), workers)?;
    let listening: Arc<[_]> = wires.listening().collect();
    let failed = |error| StartError { transport: Transport::Udp, address: settings.listen, error };
    let seeds = listeners.iter().map(|_| seed()).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    let local_address = listening.first().map_or(settings.listen, |(_, address)| *address);
    let (orders, queue) = mpsc::channel(ORDER_LIMIT);
    let edge = edge::Edge::new(wires, &settings, inbox, counters.clone(), orders.downgrade(), secret, seeds.into_iter());
    for ((transport, address), listener) in listening.iter().zip(&listeners) {
        tracing::info!(%transport, %address, advertised = %listener.advertise, trunks = settings.trunks.len(), "SIP is listening");
    }
    tokio::spawn(edge.run(queue));
    Ok(SipHandle { orders, counters, listening, local_address })
}

fn seed() -> std::io::Result<sip_core::Seed> {
    let halves = [getrandom::u64(), getrandom::u64()];
    match halves {
        [Ok(first), Ok(second)] => Ok(sip_core::Seed([first, second])),
        [Err(error), _] | [_, Err(error)] => Err(std::io::Error::other(error.to_string())),
    }
}
