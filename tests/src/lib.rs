//! The harness of the end-to-end tests: real processes, real SIP peers, real sound files. It knows the product only from outside:
//! SIP, WebSocket, command line and files. Nothing here sleeps; everything waits for an event, with a limit.

pub mod baresip;
pub mod bus;
pub mod caller;
pub mod cut;
pub mod desk;
pub mod headless;
pub mod kamailio;
pub mod link;
pub mod network;
pub mod process;
pub mod server;
pub mod sipp;
pub mod site;
pub mod sound;
pub mod stage;
pub mod tones;

pub use caller::Caller;
pub use headless::{Headless, HeadlessPlan};
pub use server::Server;
pub use site::{Agent, Call, Site};

use std::time::Duration;

/// Long enough for anything that should take moments, on a busy machine.
pub const SOON: Duration = Duration::from_secs(15);
/// Long enough for a whole short call.
pub const LATER: Duration = Duration::from_secs(60);
