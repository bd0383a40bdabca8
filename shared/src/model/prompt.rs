//! Recorded texts, named.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Names one of the site's prompts: a file of the prompts' folder, without its ending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptName(pub Arc<str>);

impl From<&str> for PromptName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}
