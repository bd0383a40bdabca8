//! Anything as an SRTP or SRTCP packet: nothing that its sender did not make is opened, and a refused packet is left as it came.

use voice::srtp::{MASTER_BYTES, MasterKey, SrtcpReceiver, SrtpReceiver, Suite};

/// The bytes to both suites, both ways of packing.
pub(crate) fn target(data: &[u8]) {
    let master = MasterKey([0x5A; MASTER_BYTES]);
    for suite in [Suite::AesCm128HmacSha1, Suite::Aes128Gcm] {
        let mut packet = data.to_vec();
        assert!(SrtpReceiver::with_suite(suite, &master).unprotect(&mut packet).is_err(), "opened without the key");
        assert_eq!(packet, data);
        assert!(SrtcpReceiver::new(suite, &master).unprotect(&mut packet).is_err(), "opened without the key");
        assert_eq!(packet, data);
    }
}
