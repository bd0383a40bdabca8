//! RTP, RTCP and telephone events: one packet, and a stream of them through the jitter buffer.
#![no_main]

#[path = "../../shared/voice/tests/hostile/targets/packets.rs"]
mod packets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| packets::target(data));
