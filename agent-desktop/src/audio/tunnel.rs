//! The voice thread's end of the way through the WebSocket: packets go to the present connection, if there is one, and come from any.
//!
//! A packet for which there is no room is lost, as on any network. Not here: when this way is taken (`line`), the connection.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Packets that may wait each way: a third of a second, after which they are worth nothing.
pub(crate) const WAITING_PACKETS: usize = 16;

/// Where a connection takes packets.
pub(crate) type PacketSender = mpsc::Sender<Vec<u8>>;
/// Where connections leave packets.
pub(crate) type PacketReceiver = Receiver<Vec<u8>>;

/// Both directions.
pub(super) struct Tunnel {
    out: Option<PacketSender>,
    inbox: PacketReceiver,
}

impl Tunnel {
    /// Closed towards the server.
    pub(super) fn new(inbox: PacketReceiver) -> Self {
        Self { out: None, inbox }
    }

    /// Leads to this connection from now on, or nowhere.
    pub(super) fn lead(&mut self, out: Option<PacketSender>) {
        self.out = out;
    }

    /// There is a connection that takes packets.
    pub(super) fn is_open(&self) -> bool {
        self.out.as_ref().is_some_and(|out| !out.is_closed())
    }

    pub(super) fn send(&self, packet: &[u8]) {
        if let Some(out) = &self.out {
            // No room: the connection is slower than a voice.
            let _ = out.try_send(packet.to_vec());
        }
    }

    /// Waits at most `limit` for a packet.
    pub(super) fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        match self.inbox.recv_timeout(limit) {
            Ok(packet) => Some(packet),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody will ever leave a packet; the time is passed all the same.
                std::thread::sleep(limit);
                None
            }
        }
    }
}
