//! The thin socket: TLS and WebSocket to one server, frames in and out, and what went wrong in words the session understands.
//!
//! It decides nothing: whom to trust is in [`trust`], when to try again in `desktop-core`. RFC 6455, RFC 8446.

mod trust;

pub(crate) use trust::{Trust, TrustError};

use desktop_core::{Event, LinkFailure};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use shared::wire::{self, FromClient, FromServer, MAX_FRAME_BYTES};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

/// Name lookup, TCP, TLS and the WebSocket upgrade together.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a polite end may take before the socket is simply dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// Frames that may wait in either direction.
const QUEUE_FRAMES: usize = 64;
/// Voice packets that may wait for the socket: a third of a second, after which they are worth nothing.
const QUEUE_PACKETS: usize = 16;
/// Read buffer of one socket, in bytes; frames are small and clients may be many in one process.
const READ_BUFFER_BYTES: usize = 4096;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// One socket, from the wish to connect until it is dropped. Dropping it sends what is queued and closes politely.
#[derive(Debug)]
pub(crate) struct Connection {
    outbox: mpsc::Sender<FromClient>,
    packets: mpsc::Sender<Vec<u8>>,
    inbox: mpsc::Receiver<Event>,
}

impl Connection {
    /// Begins to connect to `host:port`. Voice packets of the server go to `voice`. Must be called within a tokio runtime.
    pub(crate) fn open(server: &str, trust: &Trust, voice: SyncSender<Vec<u8>>) -> Self {
        let (outbox, outgoing) = mpsc::channel(QUEUE_FRAMES);
        let (packets, outgoing_packets) = mpsc::channel(QUEUE_PACKETS);
        let (incoming, inbox) = mpsc::channel(QUEUE_FRAMES);
        let outgoing = Outgoing { frames: outgoing, packets: outgoing_packets };
        tokio::spawn(run(server.to_owned(), trust.clone(), outgoing, Incoming { events: incoming, voice }));
        Self { outbox, packets, inbox }
    }

    /// Where voice packets go that shall be sent through this socket.
    pub(crate) fn packets(&self) -> mpsc::Sender<Vec<u8>> {
        self.packets.clone()
    }

    /// Queues one frame; `false` if the socket does not take it any more.
    pub(crate) fn send(&self, frame: FromClient) -> bool {
        self.outbox.try_send(frame).is_ok()
    }

    /// The next report: `LinkUp`, `Received` or a last `LinkDown`. `None` after the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.inbox.recv().await
    }
}

/// What the socket sends.
struct Outgoing {
    frames: mpsc::Receiver<FromClient>,
    packets: mpsc::Receiver<Vec<u8>>,
}

/// Where goes what it receives.
struct Incoming {
    events: mpsc::Sender<Event>,
    voice: SyncSender<Vec<u8>>,
}

async fn run(server: String, trust: Trust, outgoing: Outgoing, incoming: Incoming) {
    let failure = match timeout(CONNECT_LIMIT, connect(&server, &trust)).await {
        Err(_) => Some(LinkFailure::Unreachable(format!("no answer within {} s", CONNECT_LIMIT.as_secs()))),
        Ok(Err(failure)) => Some(failure),
        Ok(Ok(socket)) => match incoming.events.send(Event::LinkUp).await {
            Ok(()) => talk(socket, outgoing, &incoming).await,
            Err(_) => None,
        },
    };
    if let Some(failure) = failure {
        tracing::debug!(?failure, "the connection to the server is down");
        // The receiver is gone exactly if nobody wants to know any more.
        let _ = incoming.events.send(Event::LinkDown(failure)).await;
    }
}

async fn connect(server: &str, trust: &Trust) -> Result<Socket, LinkFailure> {
    let unreachable = |error: std::io::Error| LinkFailure::Unreachable(error.to_string());
    let name = server.rsplit_once(':').map_or(server, |(host, _)| host).trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(name.to_owned()).map_err(|error| LinkFailure::Unreachable(error.to_string()))?;
    let stream = TcpStream::connect(server).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let verifier = trust.verifier(server);
    let tls = TlsConnector::from(verifier.client_config());
    let stream = tls.connect(name, stream).await.map_err(|error| verifier.failure().unwrap_or_else(|| not_tls(&error)))?;
    let limits = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_message_size(Some(MAX_FRAME_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
    let url = format!("wss://{server}/");
    let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(limits)).await.map_err(|error| broken(&error))?;
    Ok(socket)
}

/// Moves frames until one side ends. `None`: our side wanted the end.
async fn talk(mut socket: Socket, mut outgoing: Outgoing, incoming: &Incoming) -> Option<LinkFailure> {
    loop {
        tokio::select! {
            // The voice path may hold its end longer than the session holds ours.
            Some(packet) = outgoing.packets.recv() => if let Err(error) = socket.send(Message::binary(packet)).await {
                return Some(broken(&error));
            },
            frame = outgoing.frames.recv() => match frame {
                Some(frame) => if let Err(error) = socket.send(Message::text(wire::encode(&frame))).await {
                    return Some(broken(&error));
                },
                None => {
                    // A peer that does not answer the close is dropped all the same.
                    let _ = timeout(CLOSE_LIMIT, socket.close(None)).await;
                    return None;
                }
            },
            message = socket.next() => match read(message) {
                Ok(Heard::Frame(frame)) => {
                    // The session may be gone; then `outgoing` ends in the next round.
                    let _ = incoming.events.send(Event::Received(frame)).await;
                }
                Ok(Heard::Voice(packet)) => {
                    // No room: the voice thread is kept from running, and later it would be of no use.
                    let _ = incoming.voice.try_send(packet);
                }
                Ok(Heard::Nothing) => {}
                Err(failure) => return Some(failure),
            },
        }
    }
}

/// One message of the socket.
enum Heard {
    Frame(Box<FromServer>),
    /// A voice packet, for the voice path to judge.
    Voice(Vec<u8>),
    /// Below our protocol.
    Nothing,
}

fn read(message: Option<Result<Message, SocketError>>) -> Result<Heard, LinkFailure> {
    match message {
        None | Some(Ok(Message::Close(_))) => Err(LinkFailure::Broken("the server closed the connection".to_owned())),
        Some(Err(error)) => Err(broken(&error)),
        Some(Ok(Message::Text(text))) => {
            wire::decode(&text).map(|frame| Heard::Frame(Box::new(frame))).map_err(|error| LinkFailure::Protocol(error.to_string()))
        }
        Some(Ok(Message::Binary(packet))) => Ok(Heard::Voice(packet.into())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Heard::Nothing),
    }
}

fn broken(error: &SocketError) -> LinkFailure {
    match error {
        SocketError::Protocol(_) | SocketError::Capacity(_) | SocketError::Utf8(_) | SocketError::Http(_) | SocketError::HttpFormat(_) => {
            LinkFailure::Protocol(error.to_string())
        }
        // The library's list may grow; whatever else it is, the line is cut.
        other => LinkFailure::Broken(other.to_string()),
    }
}

/// A handshake that failed for another cause than the certificate: cut short, or no TLS at all.
fn not_tls(error: &std::io::Error) -> LinkFailure {
    match error.kind() {
        std::io::ErrorKind::InvalidData => LinkFailure::Protocol(error.to_string()),
        // An open set of the system's causes: all of them are a broken line.
        _ => LinkFailure::Broken(error.to_string()),
    }
}
