//! Sans-IO SIP, calling and called: messages, transactions, INVITE dialogs with all that happens in them, session descriptions.
//!
//! It owns no socket, no clock and no source of randomness: packets, milliseconds and a seed come in as values. It knows calls, never
//! agents, queues or media.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod dialog;
pub mod digest;
mod endpoint;
mod fields;
pub mod identity;
pub mod message;
mod random;
pub mod sdp;
mod timer;
mod transaction;

pub use dialog::call::MAX_PENDING_MS;
pub use endpoint::{
    ALLOW, CallKey, Ending, Endpoint, Event, Farewell, INFO_KINDS, Invitation, Limits, OfferBy, Outgoing, Receipt, Reliability,
    Renegotiation, RequestKey, Series, ServedKey, SessionEvent, Settings, Sizes,
};
pub use random::Seed;
pub use timer::{PATIENCE_MS, T1_MS, T2_MS, T4_MS};
pub use transaction::Transport;
