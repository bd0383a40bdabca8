//! Sans-IO SIP for the answering side of trunks: messages, server transactions, INVITE dialogs, session descriptions.
//!
//! It owns no socket, no clock and no source of randomness: packets, milliseconds and a seed come in as values. It knows calls, never
//! agents, queues or media.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod sdp;
