//! The corpus of the fuzz targets is told again to each of them, without libFuzzer: what it once found stays found.

#[path = "targets/dialog.rs"]
mod dialog;
#[path = "targets/digest.rs"]
mod digest;
#[path = "targets/message.rs"]
mod message;
#[path = "targets/sdp.rs"]
mod sdp;

use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for file in files {
        let path = file.expect("an entry").path();
        let data = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // A failing target names no file by itself.
        let told = std::panic::catch_unwind(|| target(&data));
        assert!(told.is_ok(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 20, "only {count} files in {}", folder.display());
}

#[test]
fn messages() {
    replay("sip_message", message::target);
}

#[test]
fn session_descriptions() {
    replay("sip_sdp", sdp::target);
}

#[test]
fn credentials() {
    replay("sip_digest", digest::target);
}

#[test]
fn dialogs() {
    replay("sip_dialog", dialog::target);
}
