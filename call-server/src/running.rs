//! `run`: builds every room, joins them at the switchboard, waits for the signal to stop, and takes them down in order.

use crate::accounts::Accounts;
use crate::admin::changes::Change;
use crate::admin::control::{self, Control, ControlSocket};
use crate::admin::sip_wishes::SipWish;
use crate::admin::{DataLock, Failure};
use crate::archive::{self, ArchiveThread};
use crate::config::Site;
use crate::draft_keys::DraftKeys;
use crate::gateway::{self, GatewayHandle};
use crate::journal::Journal;
use crate::media::frame::tap_ring;
use crate::media::{self, MediaFigures, MediaJoints};
use crate::office::Office;
use crate::planning::SiteNow;
use crate::probing::{self, ProbeStatus, Probing};
use crate::recording::{self, KeyRing, RecordingHandle};
use crate::sip::{self, SipHandle};
use crate::store::{self, Store, StoreHandle};
use crate::switchboard::{self, Edges, Inbox};
use crate::{config, planning, reconcile, switchboard::Messages, tunnel};
use call_core::{Core, Input, Snapshot};
use serde_json::{Value, json};
use shared::model::UnixMillis;
use std::fmt::Display;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::unix::pipe;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// How much more of a busy processor the switchboard gets than whoever writes down what it did.
const MORE_URGENT: i32 = -5;
/// Longest wait for the switchboard's picture of the floor.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(2);

/// Runs the site until SIGINT or SIGTERM. The lock is held to the end.
///
/// # Errors
/// A room could not be built: an address is busy, a folder or the database cannot be used. Nothing is left running then.
pub(crate) fn serve(site: Site, _lock: DataLock) -> Result<(), Failure> {
    // Two on one core would only wake each other.
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2));
    let no_threads = |error: std::io::Error| {
        Failure::new("no_threads", format!("the server's threads cannot be started: {error}"), "Free some memory and try again.")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().map_err(no_threads)?;
    // SIP and the switchboard: on one thread they speak to each other without waking anybody.
    let signalling = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_threads)?;
    let site = Arc::new(site);
    let store = Arc::new(Store::open(&site.database)?);
    let (inbox, messages) = Inbox::new();
    let site_now = SiteNow::new(&site);
    let rooms = Rooms::build((&runtime, &signalling), &site, &site_now, &store, &inbox)?;
    let server = rooms.join((&runtime, signalling), (&site, site_now), &store, inbox, messages)?;
    announce(&server.addresses, &server.sip_listeners);
    let cause = runtime.block_on(server.until_told())?;
    tracing::info!(cause, "the server stops");
    server.stop(&runtime)
}

/// Every room, built but not yet joined.
struct Rooms {
    edges: Edges,
    addresses: Addresses,
    media_figures: MediaFigures,
}

/// Where the server is really reached, after port 0 was replaced by the system's choice.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    sip: SocketAddr,
    gateway: SocketAddr,
    agent_media: u16,
}

impl Rooms {
    fn build(
        (runtime, signalling): (&Runtime, &Runtime),
        site: &Site,
        now: &SiteNow,
        store: &Arc<Store>,
        inbox: &Inbox,
    ) -> Result<Self, Failure> {
        let threads = site.media.thread_count();
        let (taps, tapped) = (0..threads).map(|_| tap_ring()).unzip();
        let (media_tunnel, gateway_tunnel) = tunnel::dig(threads).map_err(|error| {
            Failure::new("no_threads", format!("the voices' way to the gateway cannot be made: {error}"), "Free some memory and try again.")
        })?;
        let keys = Arc::new(KeyRing::load(&site.recording.key)?);
        let recording = recording::start(site.recording.clone(), Arc::clone(&keys), tapped, inbox.clone()).map_err(|error| {
            Failure::new("recordings_unusable", error.to_string(), "Check [recording] folder in hotline.toml, its owner and permissions.")
        })?;
        clear_up(site, store, &keys)?;
        let store_handle = store::start(store, inbox.clone())?;
        let joints = MediaJoints { inbox: inbox.beside_the_switchboard(), taps, tunnel: media_tunnel };
        let media = media::start(site.media.clone(), joints)
            .map_err(|error| busy("the desktops' voice", "[media] agents", site.media.agent_listen, &error))?;
        let accounts = Accounts::new(Arc::clone(store))?;
        let papers = store.again()?;
        let drafts = DraftKeys::load(&site.folder.join("keys/drafts.key")).map_err(|error| {
            let message = format!("the secret keys/drafts.key of the desks' drafts cannot be used: {error}");
            Failure::new(
                "drafts_key_unusable",
                message,
                "Check its owner and permissions; a damaged one may be removed: a new one is made.",
            )
        })?;
        let (store, books) = (Arc::clone(store), store_handle.clone());
        let office = Arc::new(Office { accounts, store, papers, books, inbox: inbox.clone(), site: now.clone(), drafts });
        let sip = signalling
            .block_on(sip::start(site.sip.clone(), inbox.beside_the_switchboard(), runtime.handle().clone()))
            .map_err(|error| busy("the carrier's SIP", "listen in [sip] or [[sip_listen]]", error.address, &error.error))?;
        let gateway = runtime
            .block_on(gateway::start(site.gateway.clone(), office, inbox.clone(), Some(gateway_tunnel)))
            .map_err(|error| busy("desktops", "[gateway] listen", site.gateway.listen, &error))?;
        let addresses = Addresses { sip: sip.local_address(), gateway: gateway.local_address(), agent_media: media.agent_port() };
        let media_figures = media.figures();
        Ok(Self { edges: Edges { sip, media, recording, store: store_handle, gateway }, addresses, media_figures })
    }

    fn join(
        self,
        (runtime, signalling): (&Runtime, Runtime),
        (site, site_now): (&Arc<Site>, SiteNow),
        store: &Arc<Store>,
        inbox: Inbox,
        messages: Messages,
    ) -> Result<Server, Failure> {
        let (plan, next) = (planning::plan(site, store, wall_clock())?, store.next_interaction()?);
        let journal = Journal::begin(&site.folder.join("journal"), &plan, next);
        self.edges.sip.learn_phones(planning::phone_book(store, plan.clone())?);
        let core = Core::new(plan, next);
        inbox.send(planning::past_contacts(site, store, wall_clock())?);
        inbox.send(planning::open_callbacks(store)?);
        let Self { edges, addresses, media_figures } = self;
        let probing = start_probing(site, &addresses, &media_figures)?;
        let control = Arc::new(Desk {
            site: site_now,
            store: Arc::clone(store),
            inbox: inbox.clone(),
            sip: edges.sip.clone(),
            gateway: edges.gateway.clone(),
            recording: edges.recording.clone(),
            media: media_figures,
            probe: probing.as_ref().map(Probing::status),
            addresses,
            started: Instant::now(),
        });
        let sip_listeners = listeners(&edges.sip);
        let store_of_site = store;
        let (recording, store, gateway) = (edges.recording.clone(), edges.store.clone(), edges.gateway.clone());
        let socket = {
            let _inside = runtime.enter();
            control::serve(&site.folder, control).map_err(|error| {
                let message = format!("the control socket in {} cannot be opened: {error}", site.folder.display());
                Failure::new("no_control_socket", message, "Check owner and permissions of the site's folder.")
            })?
        };
        let archive = archive::start(Arc::clone(store_of_site), site.recording.clone()).map_err(|error| {
            Failure::new("no_threads", format!("the archive cannot be started: {error}"), "Free some memory and try again.")
        })?;
        let board = Board::start(signalling, core, edges, journal, messages)?;
        Ok(Server { addresses, sip_listeners, inbox, board, recording, store, gateway, archive, probing, socket })
    }
}

/// What an earlier run left behind: open calls and open recordings are closed before new calls come in.
fn clear_up(site: &Site, store: &Store, keys: &KeyRing) -> Result<(), Failure> {
    let interrupted = store.close_interrupted(wall_clock())?;
    if interrupted > 0 {
        tracing::warn!(interrupted, "calls of an earlier run were cut by its end");
    }
    reconcile::reconcile(store, &site.recording.folder, keys)
        .map(|_| ())
        .map_err(|error| Failure::new("recordings_unusable", error.to_string(), "Check [recording] folder in hotline.toml and the disk."))
}

/// Test calls by the clock, if they are wished.
fn start_probing(site: &Site, addresses: &Addresses, media: &MediaFigures) -> Result<Option<Probing>, Failure> {
    let Some(settings) = site.probe.clone() else { return Ok(None) };
    let own = probing::own_address(&site.sip).ok_or_else(|| {
        let message = "no trunk of kind \"probe\" has an address of this host as its source, so no test call can be made";
        Failure::new("no_probe_trunk", message, "Name one, such as sources = [\"127.0.0.2\"], or remove number from [probe].")
    })?;
    let server = probing::server_address(&site.sip, addresses.sip.port(), own);
    Probing::start(settings, server, own, media.clone()).map(Some).map_err(|error| {
        Failure::new("no_threads", format!("the test calls cannot be started: {error}"), "Free some memory and try again.")
    })
}

fn busy(whose: &str, key: &str, address: SocketAddr, error: &impl Display) -> Failure {
    let message = format!("the address {address} for {whose} cannot be used: {error}");
    Failure::new(
        "address_unusable",
        message,
        format!("End the program that uses it, or choose another address with {key} in hotline.toml."),
    )
}

fn wall_clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    UnixMillis(i64::try_from(since).unwrap_or(i64::MAX))
}

/// Transport and address of every place where SIP is listened to.
fn listeners(sip: &SipHandle) -> Vec<Value> {
    sip.listening().iter().map(|(transport, address)| json!({"transport": transport.name(), "address": address.to_string()})).collect()
}

/// One line for whoever started us: programs wait for it.
fn announce(addresses: &Addresses, sip_listeners: &[Value]) {
    let line = json!({
        "event": "ready",
        "sip": addresses.sip.to_string(),
        "sip_listeners": sip_listeners,
        "gateway": addresses.gateway.to_string(),
        "agent_media": addresses.agent_media,
    });
    // A reader that has gone away is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The thread on which the switchboard runs, and SIP beside it.
struct Board {
    thread: std::thread::JoinHandle<()>,
    end: watch::Receiver<()>,
    dismiss: oneshot::Sender<()>,
}

impl Board {
    fn start(signalling: Runtime, core: Core, edges: Edges, journal: Journal, messages: Messages) -> Result<Self, Failure> {
        let no_thread = |error: std::io::Error| {
            Failure::new("no_threads", format!("the switchboard cannot be started: {error}"), "Free some memory and try again.")
        };
        let media_bell = {
            let _inside = signalling.enter();
            edges.media.bell().and_then(|bell| pipe::Receiver::from_file_unchecked(bell.into())).map_err(no_thread)?
        };
        let (ended, end) = watch::channel(());
        let (dismiss, dismissed) = oneshot::channel();
        let work = async {
            let done = tokio::spawn(switchboard::run(core, edges, journal, messages, media_bell)).await;
            // Dropped, it tells that the switchboard has ended, by a panic or not.
            drop(ended);
            // What SIP has to say at the end is said until everything else is closed.
            let _ = dismissed.await;
            done
        };
        let thread = std::thread::Builder::new().name("switchboard".to_owned()).spawn(move || {
            // Citizens and agents wait for it; it is no harm if the system does not permit it.
            let _ = rustix::process::nice(MORE_URGENT);
            if let Err(panic) = signalling.block_on(work) {
                std::panic::resume_unwind(panic.into_panic());
            }
        });
        Ok(Self { thread: thread.map_err(no_thread)?, end, dismiss })
    }

    /// Waits until the switchboard has ended.
    async fn ended(&self) {
        // An error is its way to say so.
        while self.end.clone().changed().await.is_ok() {}
    }

    /// Ends the thread.
    fn dismiss(self) -> Result<(), Failure> {
        drop(self.dismiss);
        self.thread.join().map_err(|_| {
            Failure::new(
                "switchboard_panic",
                "the switchboard ended by a fault of its own",
                "Report this with the log; the next start closes what was open.",
            )
        })
    }
}

/// The running server.
struct Server {
    addresses: Addresses,
    sip_listeners: Vec<Value>,
    inbox: Inbox,
    board: Board,
    recording: RecordingHandle,
    store: StoreHandle,
    gateway: GatewayHandle,
    archive: ArchiveThread,
    probing: Option<Probing>,
    socket: ControlSocket,
}

impl Server {
    /// Waits for a signal, or for the switchboard's unexpected end, and says which.
    async fn until_told(&self) -> Result<&'static str, Failure> {
        let no_signals = |error: std::io::Error| Failure::new("no_signals", format!("signals cannot be received: {error}"), "Try again.");
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        Ok(tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            () = self.board.ended() => "the switchboard has ended",
        })
    }

    /// Ends calls, closes recordings, writes what waits, says goodbye to desktops.
    fn stop(self, runtime: &Runtime) -> Result<(), Failure> {
        self.inbox.send(Input::Stop);
        runtime.block_on(self.board.ended());
        if let Some(probing) = self.probing {
            probing.stop();
        }
        self.recording.stop();
        self.archive.stop();
        self.store.stop();
        runtime.block_on(self.gateway.stop());
        drop(self.socket);
        self.board.dismiss()
    }
}

/// Answers the control socket.
struct Desk {
    site: SiteNow,
    store: Arc<Store>,
    inbox: Inbox,
    sip: SipHandle,
    gateway: GatewayHandle,
    recording: RecordingHandle,
    media: MediaFigures,
    probe: Option<Arc<Mutex<ProbeStatus>>>,
    addresses: Addresses,
    started: Instant,
}

impl Desk {
    fn site(&self) -> Arc<Site> {
        self.site.get()
    }

    fn floor(&self) -> Result<Snapshot, Failure> {
        self.inbox.snapshot(SNAPSHOT_LIMIT).ok_or_else(|| {
            Failure::new("no_answer", "the switchboard does not answer", "Try again; if it stays, look at the server's log.")
        })
    }
}

impl Control for Desk {
    fn status(&self) -> Value {
        let floor = self.inbox.snapshot(SNAPSHOT_LIMIT);
        let mut status = json!({
            "site": self.site().name,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime_s": self.started.elapsed().as_secs(),
            "listening": {
                "sip": self.addresses.sip.to_string(),
                "sip_listeners": listeners(&self.sip),
                "gateway": self.addresses.gateway.to_string(),
                "agent_media": self.addresses.agent_media,
            },
            "desktops_connected": self.gateway.connected(),
            "sip": self.sip.counters(),
            "media": self.media.read(),
            "media_loads_permille": self.media.loads_permille(),
            "recording": self.recording.figures(),
            "probe": self.probe.as_ref().map(|probe| probe.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        });
        if let (Some(fields), Some(Value::Object(floor))) =
            (status.as_object_mut(), floor.and_then(|floor| serde_json::to_value(floor).ok()))
        {
            fields.extend(floor);
        }
        status
    }

    fn banned(&self) -> Result<Value, Failure> {
        self.sip.banned().map(|banned| json!({"banned": banned})).ok_or_else(sip_is_silent)
    }

    fn unban(&self, address: IpAddr) -> Result<Value, Failure> {
        self.sip.forgive(address).map(|was_banned| json!({"unbanned": was_banned})).ok_or_else(sip_is_silent)
    }

    fn sip(&self, wish: &SipWish) -> Result<Value, Failure> {
        wish.answer(&self.sip)
    }

    fn change(&self, change: &Change) -> Result<Value, Failure> {
        let done = change.apply(&self.store, wall_clock())?;
        if let Change::CancelCallback { callback, .. } = change {
            self.inbox.send(Input::CancelCallback(*callback));
        }
        if change.touches_plan() {
            let plan = planning::plan(&self.site(), &self.store, wall_clock())?;
            if change.touches_phones() {
                self.sip.learn_phones(planning::phone_book(&self.store, plan.clone())?);
            }
            self.inbox.send(Input::PlanChanged(Box::new(plan)));
        }
        Ok(done)
    }

    fn queues(&self) -> Result<Value, Failure> {
        Ok(planning::lines(&self.floor()?, &self.store.agents()?))
    }

    fn reload(&self) -> Result<Value, Failure> {
        let present = self.site();
        let new = config::load(&present.folder)?;
        planning::may_replace(&new, &self.floor()?)?;
        let needs_restart = new.needs_restart(&present);
        let plan = planning::plan(&new, &self.store, wall_clock())?;
        let told = json!({"queues": plan.queues.len(), "numbers": plan.numbers.len(), "needs_restart": needs_restart});
        self.sip.learn_phones(planning::phone_book(&self.store, plan.clone())?);
        self.site.set(new);
        self.inbox.send(Input::PlanChanged(Box::new(plan)));
        tracing::info!(?needs_restart, "the configuration was read again");
        Ok(told)
    }

    fn unlock(&self, number: &str) -> usize {
        self.gateway.unlock(number)
    }
}

fn sip_is_silent() -> Failure {
    Failure::new("sip_is_silent", "the SIP edge does not answer", "Try again; if it stays, look at the server's log.")
}
