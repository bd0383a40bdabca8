//! What both programs speak: the vocabulary ([`model`]), the messages between desktop and server ([`wire`]),
//! and the wrapper that keeps personal data out of logs ([`pii`]).
//!
//! Nothing here opens a socket, reads a clock or decides anything.

pub mod model;
pub mod pii;
pub mod wire;
