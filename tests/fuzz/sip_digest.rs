//! Challenges and credentials of somebody who does not know the secret.
#![no_main]

#[path = "../../call-server/sip/tests/corpus/targets/digest.rs"]
mod digest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| digest::target(data));
