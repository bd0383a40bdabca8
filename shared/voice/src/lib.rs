//! The voice's building blocks, pure: frames and time come and go as values; no socket, clock, thread or random source.
//!
//! Everything here is 8 kHz mono. Nothing on a packet's way allocates.

pub mod codec;
pub mod conceal;
pub mod correlate;
pub mod detect;
pub mod dtmf;
pub mod ear;
pub mod g711;
pub mod jitter;
pub mod law_noise;
pub mod level;
pub mod mixer;
pub mod quality;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stretch;
pub mod telephone_event;

/// Samples per second of every signal here.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in the usual packet and in one frame of the devices: 20 ms.
pub const FRAME_SAMPLES: usize = 160;
/// Length of that frame, in µs.
pub const FRAME_US: u64 = 20_000;
/// Most samples in one packet that is accepted: 60 ms.
pub const MAX_PACKET_SAMPLES: usize = 480;
