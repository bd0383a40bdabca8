//! One session description: read, answered, renewed.
#![no_main]

#[path = "../../call-server/sip/tests/corpus/targets/sdp.rs"]
mod sdp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sdp::target(data));
