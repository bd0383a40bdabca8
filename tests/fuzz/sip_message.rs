//! One packet: parsed, looked at from all sides, answered.
#![no_main]

#[path = "../../call-server/sip/tests/corpus/targets/message.rs"]
mod message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::target(data));
