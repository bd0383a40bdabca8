//! SHA-256 of a recording's bytes: each is hashed for the chain and for the file, which is most of what the writer of recordings does. By ring,
//! which is much faster than sha2 on a processor without instructions for it.

use super::format::{DIGEST_BYTES, Digest};
use ring::digest::{Context, SHA256};
use std::fmt;

/// A digest in the making.
pub(super) struct Hash(Context);

impl Hash {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Goes on with these bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub(super) fn finish(self) -> Digest {
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hash")
    }
}

/// Of several parts as if they were one.
pub(super) fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hash = Hash::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::sha256;
    use crate::recording::format::hex;

    /// The examples of FIPS 180-4 (one block and two).
    #[test]
    fn digests_are_those_of_the_standard() {
        let short = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let long = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(hex(&sha256(&[b"a", b"", b"bc"])), short);
        assert_eq!(hex(&sha256(&[b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"])), long);
    }
}
