//! Misbehaviour on purpose, each kind in one place. What the far end says to it is noted in [`crate::CallReport::odd_statuses`].

use crate::deed::Fault;
use crate::phone::{Phase, Phone, Resend, T2};
use rsip::Response;
use tokio::time::Instant;

/// How often a message is sent in a storm.
const STORM: usize = 20;
/// Which 200 is acknowledged late.
const LATE: u32 = 3;

/// What goes wrong, and how far it has gone.
#[derive(Debug, Default)]
pub(crate) struct Misbehaving {
    pub(crate) fault: Option<Fault>,
    /// 200s of the INVITE that were heard.
    oks: u32,
    /// The right BYE comes after the answer to a wrong one.
    owes_bye: bool,
    pub(crate) statuses: Vec<u16>,
}

impl Misbehaving {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { fault, ..Self::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// How often each message is sent.
    pub(crate) fn copies(&self) -> usize {
        if self.is(Fault::Storm) { STORM } else { 1 }
    }

    /// A 200 of the INVITE was heard: whether it is acknowledged.
    pub(crate) fn acknowledges(&mut self) -> bool {
        self.oks += 1;
        !self.is(Fault::NoAck) && (!self.is(Fault::LateAck) || self.oks >= LATE)
    }

    /// The first 200 was heard: whether it is acknowledged at once.
    pub(crate) fn may_acknowledge_at_once(&self) -> bool {
        !self.is(Fault::NoAck) && !self.is(Fault::LateAck)
    }

    /// The INVITE as it goes out.
    pub(crate) fn invite(&self, invite: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&invite);
        match self.fault {
            Some(Fault::WrongLength) => text.replacen("Content-Length: ", "Content-Length: 9", 1),
            Some(Fault::EndlessLength) => with_field(&text, "Content-Length", |_| ENDLESS.to_owned()),
            Some(Fault::QuotedUri) => with_field(&text, "From", quoted),
            Some(Fault::BrokenOffer) => text.replacen("\r\n\r\nv=0", "\r\n\r\nx=0", 1),
            Some(Fault::UnknownExtension) => text.replacen("Content-Length: ", "Require: telepathy\r\nContent-Length: ", 1),
            _ => return invite,
        }
        .into_bytes()
    }
}

/// 2^64 - 1.
const ENDLESS: &str = "18446744073709551615";

/// A message with another value of the field of this name.
fn with_field(message: &str, name: &str, change: impl Fn(&str) -> String) -> String {
    let changed = |line: &str| match line.split_once(": ").filter(|(found, _)| *found == name) {
        Some((_, value)) => format!("{name}: {}", change(value)),
        None => line.to_owned(),
    };
    message.split("\r\n").map(changed).collect::<Vec<_>>().join("\r\n")
}

/// A From value in which two other callers are hidden: a careless reader takes one of them.
fn quoted(value: &str) -> String {
    let (uri, tag) = value.rsplit_once(";tag=").unwrap_or((value, ""));
    let uri = uri.trim_matches(['<', '>']);
    format!("\"A <sip:110@evil.invalid>\" <{uri}>;x=\"a;tag=evil;b\";tag={tag}")
}

/// No SIP, and nearly SIP.
fn garbage(call_id: &str) -> Vec<Vec<u8>> {
    let truncated =
        format!("INVITE sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKg\r\nCall-ID: {call_id}g\r\n");
    let many = "X-Nothing: nothing\r\n".repeat(200);
    vec![
        Vec::new(),
        b"\0\xff\xfe garbage".to_vec(),
        b"SIP/2.0 999 Impossible\r\n\r\n".to_vec(),
        b"\r\n\r\n".to_vec(),
        truncated.clone().into_bytes(),
        format!("{truncated}{many}\r\n").into_bytes(),
        format!("{truncated}From: \"<sip:\r\nTo: <>\r\nCSeq: 99999999999 INVITE\r\nContent-Length: -1\r\n\r\n").into_bytes(),
        vec![b'A'; 60_000],
    ]
}

impl Phone<'_> {
    pub(crate) async fn send_garbage(&self) {
        if self.misbehaving.is(Fault::Garbage) {
            for packet in garbage(self.dialog.call_id()) {
                self.send(&packet).await;
            }
        }
    }

    /// Something that comes too late, once the call is answered.
    pub(crate) async fn after_answer(&mut self, cancel: Vec<u8>) {
        self.send_garbage().await;
        if self.misbehaving.is(Fault::LateCancel) {
            self.send(&cancel).await;
        }
    }

    /// The wrong ways out of a ringing call; whether the right one is still to be taken.
    pub(crate) async fn gives_up_wrongly(&mut self) -> bool {
        match self.misbehaving.fault {
            Some(Fault::WrongBranch) => {
                let mut other = self.dialog.clone();
                other.forget_branch();
                let cancel: Vec<u8> = other.cancel().into();
                self.send(&cancel).await;
                true
            }
            Some(Fault::ByeBeforeAnswer) if self.ringing.is_some() => {
                let mut early = self.dialog.clone();
                if let Some(ringing) = &self.ringing {
                    early.establish(ringing);
                }
                let bye: Vec<u8> = early.bye().into();
                self.send(&bye).await;
                self.phase = Phase::Cancelling(Resend::new(bye, T2, Instant::now()));
                false
            }
            _ => true,
        }
    }

    /// The wrong ways to hang up; whether the right one is still to be taken now.
    pub(crate) async fn hangs_up_wrongly(&mut self) -> bool {
        let mut other = self.dialog.clone();
        let wrong: Vec<u8> = match self.misbehaving.fault {
            Some(Fault::Vanish) => {
                self.phase = Phase::Over(crate::Outcome::Answered);
                return false;
            }
            Some(Fault::DoubleBye) => {
                self.misbehaving.owes_bye = true;
                let first: Vec<u8> = self.dialog.bye().into();
                self.send(&first).await;
                return true;
            }
            Some(Fault::ChangedTag) => {
                other.change_tag();
                other.bye().into()
            }
            Some(Fault::OldSequence) => other.old_bye().into(),
            _ => return true,
        };
        self.dialog.skip();
        self.misbehaving.owes_bye = true;
        self.send(&wrong).await;
        self.phase = Phase::Leaving(Resend::new(wrong, T2, Instant::now()));
        false
    }

    /// The answer to a BYE: the call is over, unless it was a wrong one.
    pub(crate) async fn bye_answered(&mut self, response: &Response) {
        if !std::mem::take(&mut self.misbehaving.owes_bye) {
            self.note_odd(response);
            self.phase = Phase::Over(crate::Outcome::Answered);
            return;
        }
        self.misbehaving.statuses.push(response.status_code.code());
        if !self.misbehaving.is(Fault::DoubleBye) {
            let bye: Vec<u8> = self.dialog.bye().into();
            self.send(&bye).await;
            self.phase = Phase::Leaving(Resend::new(bye, T2, Instant::now()));
        }
    }

    /// Notes what the far end says to a citizen who misbehaves.
    pub(crate) fn note_odd(&mut self, response: &Response) {
        if self.misbehaving.fault.is_some() {
            self.misbehaving.statuses.push(response.status_code.code());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str =
        "INVITE sip:1@h SIP/2.0\r\nFrom: <sip:139@127.0.0.1:5070>;tag=af\r\nTo: <sip:1@h>\r\nContent-Length: 5\r\n\r\nv=0\r\n";

    #[test]
    fn each_fault_of_the_invite_changes_what_it_should_and_nothing_else() {
        let sent = |fault| String::from_utf8(Misbehaving::new(fault).invite(INVITE.into())).expect("text");
        assert_eq!(sent(None), INVITE);
        assert_eq!(sent(Some(Fault::WrongLength)), INVITE.replace(": 5", ": 95"));
        assert_eq!(sent(Some(Fault::EndlessLength)), INVITE.replace(": 5", &format!(": {}", u64::MAX)));
        assert_eq!(sent(Some(Fault::BrokenOffer)), INVITE.replace("v=0", "x=0"));
        assert!(sent(Some(Fault::UnknownExtension)).contains("\r\nRequire: telepathy\r\n"));
        let quoted = "From: \"A <sip:110@evil.invalid>\" <sip:139@127.0.0.1:5070>;x=\"a;tag=evil;b\";tag=af\r\n";
        assert!(sent(Some(Fault::QuotedUri)).contains(quoted), "{}", sent(Some(Fault::QuotedUri)));
    }
}
