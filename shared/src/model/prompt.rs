//! Recorded texts, named.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The name of a recorded text or piece of one, such as `closed` or `number.7`; `media` knows the sound.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompt(pub Arc<str>);

impl Prompt {
    /// The prompt of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
