//! Agents for the load: WebSocket over TLS as in `shared::wire`, answering whatever rings. Their voice is the generator's once they talk.

use crate::leg::Leg;
use anyhow::{Context, Result, bail};
use e2e::{Agent, Site};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use shared::model::{AgentState, CallPhase, Desk, NotReadyReason, RequestId};
use shared::wire::{self, Action, FromClient, FromServer, HEARTBEAT_MS, MediaAccess};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Sign-ins at once: each costs the server a password hash.
const SIGN_INS_AT_ONCE: usize = 2;
/// For all of them to be ready, or to talk.
const LIMIT: Duration = Duration::from_secs(180);
/// While not talking: a packet this often keeps the voice path open, and readiness is asked for again.
const KEEP_OPEN: Duration = Duration::from_millis(500);

/// What an agent tells.
enum Told {
    Ready,
    Talking(Box<Leg>),
    Failed(anyhow::Error),
}

/// Agents who are ready.
pub(crate) struct Agents {
    told: mpsc::Receiver<Told>,
}

/// Signs everybody in and waits until all are ready.
pub(crate) async fn sign_in(site: &Site, gateway: SocketAddr, agents: &[Agent]) -> Result<Agents> {
    let tls = connector(site)?;
    let slots = Arc::new(Semaphore::new(SIGN_INS_AT_ONCE));
    let (sender, told) = mpsc::channel(agents.len() + 1);
    for agent in agents {
        let (agent, tls, slots, sender) = (agent.clone(), tls.clone(), Arc::clone(&slots), sender.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(gateway, tls, &agent, &slots, &sender).await {
                // Nobody listens any more once the run is over.
                let _ = sender.send(Told::Failed(error.context(format!("agent {}", agent.number)))).await;
            }
        });
    }
    let mut agents_ready = Agents { told };
    for _ in agents {
        match agents_ready.next().await? {
            Told::Ready => {}
            Told::Talking(_) => bail!("an agent talks before anybody has called"),
            Told::Failed(error) => return Err(error),
        }
    }
    Ok(agents_ready)
}

impl Agents {
    /// Waits until `count` agents talk; their voice paths.
    pub(crate) async fn talking(&mut self, count: usize) -> Result<Vec<Leg>> {
        let mut legs = Vec::with_capacity(count);
        while legs.len() < count {
            match self.next().await.with_context(|| format!("{} of {count} agents talk", legs.len()))? {
                Told::Ready => {}
                Told::Talking(leg) => legs.push(*leg),
                Told::Failed(error) => return Err(error),
            }
        }
        Ok(legs)
    }

    async fn next(&mut self) -> Result<Told> {
        let told = tokio::time::timeout(LIMIT, self.told.recv()).await;
        told.context("agents take too long")?.context("all agents have gone")
    }
}

/// Agents who are there and take no calls, but change their states each second once they are told to.
pub(crate) struct Crowd(watch::Sender<bool>);

impl Crowd {
    /// From now on.
    pub(crate) fn stir(&self) {
        self.0.send_replace(true);
    }
}

/// Signs everybody in, in peace.
pub(crate) async fn sign_in_restless(site: &Site, gateway: SocketAddr, agents: &[Agent]) -> Result<Crowd> {
    let tls = connector(site)?;
    let (sender, stirs) = watch::channel(false);
    for agent in agents {
        let mut link = Link::open(gateway, tls.clone()).await?;
        link.enter(agent).await.with_context(|| format!("agent {}", agent.number))?;
        tokio::spawn(be_restless(link, stirs.clone()));
    }
    Ok(Crowd(sender))
}

/// Ends with the connection.
async fn be_restless(mut link: Link, stirs: watch::Receiver<bool>) -> Result<()> {
    let (mut second, mut heartbeat) =
        (tokio::time::interval(Duration::from_secs(1)), tokio::time::interval(Duration::from_millis(HEARTBEAT_MS)));
    let mut trained = false;
    loop {
        tokio::select! {
            message = link.hear() => drop(message?),
            _ = heartbeat.tick() => link.say(FromClient::Ping { nonce: 0 }).await?,
            _ = second.tick() => if *stirs.borrow() {
                trained = !trained;
                let reason = if trained { NotReadyReason::Training } else { NotReadyReason::Meeting };
                link.ask(Action::GoNotReady { reason }).await?;
            }
        }
    }
}

fn connector(site: &Site) -> Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&site.ca).context("the site's certificate")? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection.
struct Link {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    request: u64,
}

impl Link {
    async fn open(gateway: SocketAddr, tls: TlsConnector) -> Result<Self> {
        let stream = TcpStream::connect(gateway).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(ServerName::from(gateway.ip()), stream).await?;
        let (socket, _) = tokio_tungstenite::client_async(format!("wss://{gateway}/"), stream).await?;
        Ok(Self { socket, request: 0 })
    }

    async fn say(&mut self, message: FromClient) -> Result<()> {
        Ok(self.socket.send(Message::text(wire::encode(&message))).await?)
    }

    async fn ask(&mut self, action: Action) -> Result<()> {
        self.request += 1;
        self.say(FromClient::Do { request: RequestId(self.request), action }).await
    }

    /// The next message; cancelling loses nothing.
    async fn hear(&mut self) -> Result<FromServer> {
        loop {
            match self.socket.next().await.context("the server closed the connection")?? {
                Message::Text(text) => return Ok(wire::decode(&text)?),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(_) => bail!("the server closed the connection"),
            }
        }
    }

    /// Greets and signs in.
    async fn enter(&mut self, agent: &Agent) -> Result<MediaAccess> {
        self.say(FromClient::Hello { version: wire::VERSION, client: "load".to_owned() }).await?;
        self.say(FromClient::SignIn {
            number: agent.number.clone(),
            password: agent.password.clone().into(),
            take_over: false,
            voice: None,
        })
        .await?;
        loop {
            match self.hear().await? {
                FromServer::SignedIn { media, .. } => return Ok(media),
                FromServer::SignInRefused { reason } => bail!("sign-in refused: {reason:?}"),
                _ => {}
            }
        }
    }
}

async fn serve(gateway: SocketAddr, tls: TlsConnector, agent: &Agent, slots: &Semaphore, told: &mpsc::Sender<Told>) -> Result<()> {
    let slot = slots.acquire().await?;
    let mut link = Link::open(gateway, tls).await?;
    let access = link.enter(agent).await?;
    drop(slot);
    let leg = Leg::encrypted(&access)?;
    leg.connect(SocketAddr::new(gateway.ip(), access.port))?;
    let mut leg = Some(Box::new(leg));
    let (mut keep_open, mut heartbeat) = (tokio::time::interval(KEEP_OPEN), tokio::time::interval(Duration::from_millis(HEARTBEAT_MS)));
    let mut ready = false;
    loop {
        tokio::select! {
            message = link.hear() => if let FromServer::Desk(desk) = message? {
                if !ready && desk.state == AgentState::Ready {
                    ready = true;
                    told.send(Told::Ready).await?;
                }
                on_desk(&mut link, &desk, &mut leg, told).await?;
            },
            _ = keep_open.tick(), if leg.is_some() => {
                if let Some(leg) = &mut leg {
                    leg.send(0, 0);
                }
                if !ready {
                    link.ask(Action::GoReady).await?;
                }
            }
            _ = heartbeat.tick() => link.say(FromClient::Ping { nonce: 0 }).await?,
        }
    }
}

async fn on_desk(link: &mut Link, desk: &Desk, leg: &mut Option<Box<Leg>>, told: &mpsc::Sender<Told>) -> Result<()> {
    if let Some(offer) = &desk.offer {
        link.ask(Action::Accept { offer: offer.offer }).await?;
    }
    if desk.call.as_ref().is_some_and(|call| call.phase == CallPhase::Talking)
        && let Some(leg) = leg.take()
    {
        told.send(Told::Talking(leg)).await?;
    }
    Ok(())
}
