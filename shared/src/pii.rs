//! Personal data that redacts itself wherever it is formatted (house rule "Logs").
//!
//! [`Pii`] is transparent to serde: the wire and the store carry the value, a log line or a panic message never does.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that belongs to a citizen: a number, a name, an address.
///
/// `Debug` and `Display` print `<pii>`; whoever really needs the value says so with [`Pii::reveal`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call site is a place where personal data leaves its wrapper: a screen, a table, a SIP header.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself, owned.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<pii>")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<pii>")
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Pii;

    #[test]
    fn formatting_never_shows_the_value_and_serde_keeps_it() {
        let number = Pii::new("13912345678".to_owned());
        let shown = format!("{number:?} {number}");
        assert!(!shown.contains("139"), "leaked: {shown}");
        assert_eq!(serde_json::to_string(&number).expect("a string always encodes"), "\"13912345678\"");
    }
}
