//! Recording files: changed ones, and bytes that never were one.
#![no_main]
#![allow(dead_code, unused_imports)]

/// The ring between media and recorder is all that the recorder knows of media.
mod media {
    pub(crate) use crate::frame;
}
#[path = "../../call-server/src/media/frame.rs"]
mod frame;
#[path = "../../call-server/src/recording/mod.rs"]
mod recording;
#[path = "../../call-server/examples/media_engine/switchboard.rs"]
mod switchboard;

libfuzzer_sys::fuzz_target!(|data: &[u8]| recording::fuzz_target(data));
