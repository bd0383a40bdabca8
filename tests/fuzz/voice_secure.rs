//! SRTP and SRTCP in both suites: nothing is opened that its sender did not make.
#![no_main]

#[path = "../../shared/voice/tests/hostile/targets/secure.rs"]
mod secure;

libfuzzer_sys::fuzz_target!(|data: &[u8]| secure::target(data));
