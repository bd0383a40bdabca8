//! Where a message goes: transport, address, and for TLS the name that the far side's certificate must bear.

use sip_core::Transport as Machine;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// What a message travels on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// A connection that nobody on the way can read (RFC 3261 section 26.2).
    Tls,
}

impl Transport {
    /// Every transport, in the order in which ours are preferred when nobody says otherwise.
    pub(crate) const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// Its name in the configuration and in a URI's `transport` parameter.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The port that is meant when none is named (RFC 3261 section 19.1.2).
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => sip_core::message::DEFAULT_PORT,
            Self::Tls => sip_core::message::DEFAULT_SECURE_PORT,
        }
    }

    /// How the transactions see it.
    pub(super) fn machine(self) -> Machine {
        match self {
            Self::Udp => Machine::Datagram,
            Self::Tcp => Machine::Stream,
            Self::Tls => Machine::Secure,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no transport.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transport is udp, tcp or tls")]
pub(crate) struct NoTransport;

impl FromStr for Transport {
    type Err = NoTransport;

    fn from_str(text: &str) -> Result<Self, NoTransport> {
        Self::ALL.into_iter().find(|transport| transport.name().eq_ignore_ascii_case(text)).ok_or(NoTransport)
    }
}

/// One place that a request can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Destination {
    /// What it travels on.
    pub(crate) transport: Transport,
    /// Where to.
    pub(crate) address: SocketAddr,
    /// The name that the certificate must bear (RFC 5922); `None` for its address, and without TLS.
    pub(crate) tls_name: Option<Box<str>>,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.address)
    }
}
