//! What a citizen does during a call besides talking, in order and out of order: plain values, and their spelling on a command line.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One thing to do, this long after the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// From the answer on.
    pub after: Duration,
    /// What.
    pub deed: Deed,
}

/// What can be done in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Holds the far end: a re-INVITE with `a=sendonly`, and no voice is sent.
    Hold,
    /// Takes it back: `a=sendrecv`.
    Resume,
    /// A re-INVITE that changes nothing.
    Refresh,
    /// Presses keys of `0-9*#ABCD` as named telephone events (RFC 4733), 100 ms each.
    Press(String),
    /// Sends each key by INFO (`application/dtmf-relay`).
    PressByInfo(String),
    /// Asks the far end to call this URI instead (RFC 3515).
    Refer(String),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold => f.write_str("hold"),
            Self::Resume => f.write_str("resume"),
            Self::Refresh => f.write_str("refresh"),
            Self::Press(keys) => write!(f, "press={keys}"),
            Self::PressByInfo(keys) => write!(f, "info={keys}"),
            Self::Refer(uri) => write!(f, "refer={uri}"),
        }
    }
}

/// `1500:hold`, `2000:resume`, `300:refresh`, `800:press=12#`, `800:info=5`, `900:refer=sip:1002@192.0.2.1`.
impl FromStr for Act {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no act: write MS:hold, resume, refresh, press=KEYS, info=KEYS or refer=URI, such as 1500:press=12#");
        let (after, deed) = text.split_once(':').ok_or_else(wrong)?;
        let after = Duration::from_millis(after.parse().map_err(|_| wrong())?);
        let keys = |keys: &str| -> Result<String, String> {
            let sound = !keys.is_empty() && keys.chars().all(|key| "0123456789*#ABCD".contains(key));
            sound.then(|| keys.to_owned()).ok_or_else(wrong)
        };
        let deed = match deed.split_once('=').unwrap_or((deed, "")) {
            ("hold", "") => Deed::Hold,
            ("resume", "") => Deed::Resume,
            ("refresh", "") => Deed::Refresh,
            ("press", pressed) => Deed::Press(keys(pressed)?),
            ("info", pressed) => Deed::PressByInfo(keys(pressed)?),
            ("refer", uri) if uri.starts_with("sip:") && !uri.contains(['>', '<', '\r', '\n', ' ']) => Deed::Refer(uri.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self { after, deed })
    }
}

/// What became of a deed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// As it is written on the command line.
    pub deed: String,
    /// Final status of its request; `None` for keys in the voice path, and if nothing came back.
    pub status: Option<u16>,
}

/// Misbehaviour on purpose; each call has at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Never acknowledges the 200.
    NoAck,
    /// Acknowledges only the third 200.
    LateAck,
    /// Hangs up with two different BYEs at once.
    DoubleBye,
    /// Ends the ringing call with BYE instead of CANCEL.
    ByeBeforeAnswer,
    /// Sends packets that are no SIP, or broken SIP, before the call and during it.
    Garbage,
    /// Cancels with a branch that belongs to no INVITE, then rightly.
    WrongBranch,
    /// Sends every message twenty times.
    Storm,
    /// Hangs up with another To tag, then rightly.
    ChangedTag,
    /// Hangs up with an old CSeq, then rightly.
    OldSequence,
    /// Cancels after the answer.
    LateCancel,
    /// Disappears without a word instead of hanging up.
    Vanish,
    /// Claims a body longer than the packet.
    WrongLength,
    /// Claims a body of 2^64 - 1 bytes.
    EndlessLength,
    /// Hides another URI in the quoted name in front of its own, and another tag in a quoted parameter behind it.
    QuotedUri,
    /// Offers something that is no session description.
    BrokenOffer,
    /// Requires an extension that there is not.
    UnknownExtension,
}

/// Names on the command line.
const FAULTS: [(&str, Fault); 16] = [
    ("no-ack", Fault::NoAck),
    ("late-ack", Fault::LateAck),
    ("double-bye", Fault::DoubleBye),
    ("bye-before-answer", Fault::ByeBeforeAnswer),
    ("garbage", Fault::Garbage),
    ("wrong-branch", Fault::WrongBranch),
    ("storm", Fault::Storm),
    ("changed-tag", Fault::ChangedTag),
    ("old-sequence", Fault::OldSequence),
    ("late-cancel", Fault::LateCancel),
    ("vanish", Fault::Vanish),
    ("wrong-length", Fault::WrongLength),
    ("endless-length", Fault::EndlessLength),
    ("quoted-uri", Fault::QuotedUri),
    ("broken-offer", Fault::BrokenOffer),
    ("unknown-extension", Fault::UnknownExtension),
];

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        FAULTS.iter().map(|(_, fault)| *fault)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || FAULTS.map(|(name, _)| name).join(", ");
        FAULTS
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, fault)| *fault)
            .ok_or_else(|| format!("{text:?} is no fault; there are {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Deed, Fault};
    use std::time::Duration;

    #[test]
    fn acts_and_faults_are_read_as_they_are_written() {
        let act: Act = "1500:press=12#".parse().expect("an act");
        assert_eq!(act, Act { after: Duration::from_millis(1_500), deed: Deed::Press("12#".to_owned()) });
        for text in ["hold", "resume", "refresh", "press=1", "info=*", "refer=sip:1002@192.0.2.1"] {
            assert_eq!(format!("7:{text}").parse::<Act>().expect("an act").deed.to_string(), text);
        }
        for wrong in ["hold", "x:hold", "1:press=", "1:press=x", "1:refer=tel:1", "1:refer=sip:a>", "1:hold=now", "1:sing"] {
            assert!(wrong.parse::<Act>().is_err(), "{wrong}");
        }
        assert_eq!("late-ack".parse(), Ok(Fault::LateAck));
        assert!("kindness".parse::<Fault>().expect_err("no fault").contains("unknown-extension"));
    }
}
