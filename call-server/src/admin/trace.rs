//! `call trace`: the SIP messages of one call as a ladder.

use super::sip_wishes::SipWish;
use super::trunks::ask;
use super::{Failure, Outcome};
use crate::sip::{TraceReport, TracedMessage};
use shared::model::InteractionId;
use std::path::Path;

/// Width of an arrow, in characters.
const ARROW: usize = 46;

pub(super) fn trace(site: &Path, id: u64, full: bool) -> Result<Outcome, Failure> {
    let answer = ask(site, SipWish::Trace(InteractionId(id)))?;
    let report: TraceReport = serde_json::from_value(answer.clone()).map_err(|error| {
        Failure::new("no_answer", format!("the server answers in another form: {error}"), "Use the server's own program.")
    })?;
    Ok(Outcome::new(ladder(&report, full), answer))
}

fn ladder(report: &TraceReport, full: bool) -> String {
    let began = report.messages.first().map_or(0, |message| message.at.0);
    let peers: Vec<&str> = report.messages.iter().map(|message| message.peer.as_str()).collect();
    let mut lines = vec![format!("Call {}: {} on the left, the hotline on the right.", report.interaction, one_of(&peers))];
    for message in &report.messages {
        lines.push(rung(message, began));
        if full {
            lines.extend(message.text.trim_end().lines().map(|line| format!("{:12}  {line}", "")));
        }
    }
    if report.left_out > 0 {
        lines.push(format!("{:>10}  and {} more messages, which were not kept", "", report.left_out));
    }
    lines.join("\n")
}

fn one_of(peers: &[&str]) -> String {
    match peers {
        [] => "nobody".to_owned(),
        [first, rest @ ..] if rest.iter().all(|peer| peer == first) => (*first).to_owned(),
        [first, ..] => format!("{first} and others"),
    }
}

/// `  +0.012 s  |----- INVITE sip:12345@h ----->|`
fn rung(message: &TracedMessage, began: i64) -> String {
    let after = message.at.0.saturating_sub(began);
    let words = match message.line.strip_prefix("SIP/2.0 ") {
        // What a response answers is not in its first line.
        Some(status) => format!("{status} ({})", message.cseq),
        None => message.line.trim_end_matches(" SIP/2.0").to_owned(),
    };
    let short: String = words.chars().take(ARROW - 6).collect();
    let bar = "-".repeat(ARROW.saturating_sub(short.chars().count() + 3));
    let (before, behind) = bar.split_at(bar.len() / 2);
    let arrow = if message.inward { format!("{before} {short} {behind}>") } else { format!("<{before} {short} {behind}") };
    format!("{:>+8}.{:03} s  |{arrow}|", after / 1_000, after % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::UnixMillis;

    #[test]
    fn a_ladder_shows_who_said_what_when() {
        let message = |at, inward, line: &str| TracedMessage {
            at: UnixMillis(at),
            inward,
            peer: "udp:192.0.2.10:5060".to_owned(),
            line: line.to_owned(),
            cseq: "1 INVITE".to_owned(),
            text: format!("{line}\r\nVia: x\r\n"),
        };
        let messages = vec![message(1_000, true, "INVITE sip:12345@h SIP/2.0"), message(2_012, false, "SIP/2.0 100 Trying")];
        let report = TraceReport { interaction: InteractionId(7), messages, left_out: 2 };
        let text = ladder(&report, false);
        let rungs: Vec<&str> = text.lines().collect();
        assert_eq!(rungs[0], "Call 7: udp:192.0.2.10:5060 on the left, the hotline on the right.");
        assert!(rungs[1].starts_with("      +0.000 s  |--") && rungs[1].ends_with("->|") && rungs[1].contains(" INVITE sip:12345@h "));
        assert!(rungs[2].starts_with("      +1.012 s  |<-") && rungs[2].contains(" 100 Trying (1 INVITE) "), "{text}");
        assert_eq!(rungs[1].chars().count(), rungs[2].chars().count());
        assert!(rungs[3].contains("2 more messages") && ladder(&report, true).contains("Via: x"));
    }
}
