//! A whole endpoint: dialogs whose messages are changed, owners who do what they like, time that passes.
#![no_main]

#[path = "../../call-server/sip/tests/corpus/targets/dialog.rs"]
mod dialog;

libfuzzer_sys::fuzz_target!(|data: &[u8]| dialog::target(data));
