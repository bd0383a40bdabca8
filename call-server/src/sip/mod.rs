//! The SIP edge: a thin skin of sockets and timers over `sip-core`. It knows trunks and legs, never agents or queues.

use crate::switchboard::Inbox;
use call_core::command::SipCommand;
use shared::model::TrunkId;
use std::net::{IpAddr, SocketAddr};

/// What the edge needs to know, resolved from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct SipSettings {
    /// UDP address to listen on.
    pub(crate) listen: SocketAddr,
    /// Host that stands in our Via and Contact.
    pub(crate) advertise: IpAddr,
    /// Who may call in.
    pub(crate) trunks: Vec<TrunkSettings>,
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
}

/// The way to the running edge.
#[derive(Debug, Clone)]
pub(crate) struct SipHandle;

impl SipHandle {
    /// Hands a command over; never blocks.
    pub(crate) fn send(&self, _command: SipCommand) {}
}

/// Binds the socket and starts the edge on the current tokio runtime.
///
/// # Errors
/// The address is busy or not ours.
pub(crate) async fn start(_settings: SipSettings, _inbox: Inbox) -> std::io::Result<SipHandle> {
    Ok(SipHandle)
}
