//! Voice packets in binary frames: from connections to media, and from media to the connection that is named. A packet for which a
//! connection has no room is lost, as on any network; the connection is not.

use crate::tunnel::{GatewayTunnel, TunnelInlet, TunnelPacket};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Packets that may wait for one connection: a third of a second, after which they are worth nothing.
const WAITING: usize = 16;

/// All connections that have sent a voice packet.
#[derive(Clone)]
pub(super) struct Voices {
    inlet: Option<TunnelInlet>,
    lines: Arc<Mutex<HashMap<u64, mpsc::Sender<TunnelPacket>>>>,
}

impl Voices {
    /// Begins to hand out what media sends, on the current tokio runtime. Without a tunnel nothing comes and what goes is lost.
    ///
    /// # Errors
    /// The runtime cannot watch the tunnel's bell.
    pub(super) fn start(tunnel: Option<GatewayTunnel>) -> std::io::Result<Self> {
        let Some(GatewayTunnel { inlet, output }) = tunnel else { return Ok(Self { inlet: None, lines: Arc::default() }) };
        let voices = Self { inlet: Some(inlet), lines: Arc::default() };
        let bell = UnixStream::from_std(output.bell)?;
        tokio::spawn(hand_out(bell, output.rings, voices.clone()));
        Ok(voices)
    }

    /// What media has for this connection, from now on. An older receiver of the same connection gets nothing more.
    pub(super) fn listen(&self, line: u64) -> mpsc::Receiver<TunnelPacket> {
        let (sender, receiver) = mpsc::channel(WAITING);
        self.lines().insert(line, sender);
        receiver
    }

    /// The connection is gone.
    pub(super) fn forget(&self, line: u64) {
        self.lines().remove(&line);
    }

    /// A packet of a connection.
    pub(super) fn send(&self, line: u64, packet: &[u8]) {
        if let (Some(inlet), Some(packet)) = (&self.inlet, TunnelPacket::new(line, packet)) {
            // What finds no room is lost; media counts what it gets.
            inlet.send(packet);
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<TunnelPacket>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until media is gone.
async fn hand_out(mut bell: UnixStream, mut rings: Vec<rtrb::Consumer<TunnelPacket>>, voices: Voices) {
    let mut rung = [0; 256];
    while bell.read(&mut rung).await.is_ok_and(|rung| rung > 0) {
        let lines = voices.lines();
        for ring in &mut rings {
            while let Ok(packet) = ring.pop() {
                if let Some(line) = lines.get(&packet.line) {
                    // No room: the connection is slower than a voice.
                    let _ = line.try_send(packet);
                }
            }
        }
    }
}
