//! The edge against real loopback sockets.
