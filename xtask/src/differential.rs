//! `differential`: our SIP parser beside those of rsip, rsipstack and ezk, in a package of its own (`tests/differential`) so that no other
//! build has to compile two foreign SIP stacks.

use crate::process;
use anyhow::Result;

/// Builds and runs the comparison.
///
/// # Errors
/// It cannot be built, or there is a difference that the table does not explain.
pub(crate) fn run() -> Result<()> {
    let root = process::root();
    let manifest = root.join("tests/differential/Cargo.toml").to_string_lossy().into_owned();
    let folder = root.join("target/differential").to_string_lossy().into_owned();
    process::cargo(&["test", "--locked", "--manifest-path", &manifest, "--target-dir", &folder])
}
