//! Takes connections: counts them, shakes hands in bounded time, hands each to a task of its own.

use super::{Shared, connection};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Pause after a failed accept: the usual cause is that no file handle is free, and a busy loop frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs until `stop` turns true, then waits for the connections' farewell.
pub(super) async fn run(socket: TcpListener, tls: Arc<rustls::ServerConfig>, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let acceptor = TlsAcceptor::from(tls);
    let mut open = Open::default();
    loop {
        tokio::select! {
            () = connection::stopped(&mut stop) => break,
            Some(ended) = open.tasks.join_next_with_id() => open.ended(ended),
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) if open.has_room(peer.ip(), &shared) => {
                    let serve = serve(stream, peer, acceptor.clone(), Arc::clone(&shared), stop.clone());
                    open.add(peer.ip(), serve);
                }
                Ok((_, peer)) => tracing::warn!(%peer, connections = open.tasks.len(), "too many connections; one more was refused"),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    let farewell = async { while open.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.limits.farewell, farewell).await.is_err() {
        tracing::warn!("desktops did not take their last messages in time");
    }
}

/// The connections now open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    peers: HashMap<Id, IpAddr>,
    per_address: HashMap<IpAddr, usize>,
}

impl Open {
    fn has_room(&self, address: IpAddr, shared: &Shared) -> bool {
        self.tasks.len() < shared.limits.connections
            && self.per_address.get(&address).copied().unwrap_or(0) < shared.limits.connections_per_address
    }

    fn add(&mut self, address: IpAddr, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.peers.insert(id, address);
        *self.per_address.entry(address).or_default() += 1;
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "a connection's task failed");
                error.id()
            }
        };
        let Some(address) = self.peers.remove(&id) else { return };
        if let Some(count) = self.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&address);
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, tls: TlsAcceptor, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let handshake = async {
        stream.set_nodelay(true)?;
        let stream = tls.accept(stream).await?;
        let limit = Some(shared::wire::MAX_FRAME_BYTES);
        let sizes = WebSocketConfig::default().max_frame_size(limit).max_message_size(limit).read_buffer_size(4096).write_buffer_size(0);
        tokio_tungstenite::accept_async_with_config(stream, Some(sizes)).await.map_err(std::io::Error::other)
    };
    match tokio::time::timeout(shared.limits.handshake, handshake).await {
        Ok(Ok(socket)) => connection::serve(socket, peer, shared, stop).await,
        Ok(Err(error)) => tracing::info!(%peer, %error, "handshake failed"),
        Err(_) => tracing::info!(%peer, "handshake took too long"),
    }
}
