//! SIP messages for the log, at TRACE alone: credentials and keys are never shown, numbers and names only if the site says so.
//!
//! It reads lines, not grammar: what cannot be parsed is written too, and must leak no more than what can. What is not known to be harmless
//! is masked.

use std::fmt;

/// Stands for what is not shown.
const HIDDEN: &str = "***";
/// As many digits in a row may be a person's number; a port has fewer, an IP address has dots.
const NUMBER_DIGITS: usize = 6;
/// How many of them stay, so that two calls can be told apart.
const SHOWN_DIGITS: usize = 2;
/// Longest text of one message in the log.
const LONGEST: usize = 8 * 1024;

/// Fields that hold secrets, in small letters.
const SECRET_FIELDS: [&str; 4] = ["authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"];
/// Fields without personal data, in small letters. Their digits are left alone.
const HARMLESS_FIELDS: [&str; 14] = [
    "via",
    "v",
    "cseq",
    "content-length",
    "l",
    "content-type",
    "c",
    "max-forwards",
    "allow",
    "supported",
    "k",
    "rack",
    "rseq",
    "user-agent",
];
/// Lines of a session description that hold neither keys nor people (RFC 4566, RFC 4568): version, origin, connection, time, media, bandwidth.
const HARMLESS_LINES: [&str; 6] = ["v=", "o=", "c=", "t=", "m=", "b="];
/// Attributes with keys.
const SECRET_ATTRIBUTES: [&str; 3] = ["a=crypto:", "a=key-mgmt:", "a=ice-pwd:"];

/// Whether numbers and names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Numbers {
    /// No: the last digits alone.
    #[default]
    Masked,
    /// Yes, as the site's configuration wants it.
    Shown,
}

/// A message as it may be written.
pub(super) struct Masked<'a> {
    pub(super) packet: &'a [u8],
    pub(super) numbers: Numbers,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.packet.get(..LONGEST).unwrap_or(self.packet);
        f.write_str(&masked(&String::from_utf8_lossy(cut), self.numbers))?;
        if cut.len() < self.packet.len() {
            write!(f, "({} more bytes)", self.packet.len() - cut.len())?;
        }
        Ok(())
    }
}

fn masked(text: &str, numbers: Numbers) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_body, mut is_description, mut secret_field) = (false, false, false);
    for (place, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if place > 0 {
            out.push('\n');
        }
        if in_body {
            out.push_str(&body_line(line, is_description, numbers));
        } else if line.is_empty() && place > 0 {
            in_body = true;
        } else if line.starts_with([' ', '\t']) && place > 0 {
            // A folded line goes on with the field above it.
            out.push_str(&if secret_field { format!(" {HIDDEN}") } else { personal(line, numbers) });
        } else {
            let (shown, is_secret) = header_line(line, numbers);
            secret_field = is_secret;
            is_description |= line.to_ascii_lowercase().contains("application/sdp");
            out.push_str(&shown);
        }
    }
    out
}

/// A header line, or the first line, and whether it holds a secret.
fn header_line(line: &str, numbers: Numbers) -> (String, bool) {
    // The first line has a space before its first colon.
    let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.trim_end().contains([' ', '\t'])) else {
        return (personal(line, numbers), false);
    };
    let known = name.trim().to_ascii_lowercase();
    if SECRET_FIELDS.contains(&known.as_str()) {
        return (format!("{name}: {HIDDEN}"), true);
    }
    if HARMLESS_FIELDS.contains(&known.as_str()) {
        return (line.to_owned(), false);
    }
    (format!("{name}:{}", personal(value, numbers)), false)
}

fn body_line(line: &str, is_description: bool, numbers: Numbers) -> String {
    let small = line.to_ascii_lowercase();
    if SECRET_ATTRIBUTES.iter().any(|secret| small.starts_with(secret)) || small.starts_with("k=") {
        let shown = line.split_once([' ', ':', '=']).map_or("", |(name, _)| name);
        return format!("{shown} {HIDDEN}");
    }
    if is_description && (small.starts_with("a=") || HARMLESS_LINES.iter().any(|known| small.starts_with(known))) {
        return line.to_owned();
    }
    match (is_description, numbers) {
        (_, Numbers::Shown) => line.to_owned(),
        (true, Numbers::Masked) => personal(line, numbers),
        // Another body may hold keys that a citizen pressed, or anything else.
        (false, Numbers::Masked) if line.is_empty() => String::new(),
        (false, Numbers::Masked) => HIDDEN.to_owned(),
    }
}

/// Hides numbers and quoted names.
fn personal(text: &str, numbers: Numbers) -> String {
    match numbers {
        Numbers::Shown => text.to_owned(),
        Numbers::Masked => digits_hidden(&names_hidden(text)),
    }
}

/// What stands before `<`, quoted or not, is a display name.
fn names_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        out.push_str(rest.get(..quote).unwrap_or_default());
        rest = rest.get(quote + 1..).unwrap_or_default();
        let end = closing_quote(rest);
        out.push('"');
        out.push_str(HIDDEN);
        out.push('"');
        rest = rest.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    let bare = out.find('<').map(|place| out.get(..place).unwrap_or_default().trim().to_owned());
    match bare {
        Some(name) if !name.is_empty() && !name.contains('"') => out.replacen(&name, HIDDEN, 1),
        Some(_) | None => out,
    }
}

/// The place behind the quote that ends a quoted text; its end if there is none.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (place, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return place + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Keeps the last digits of what may be a number; separators that people write into numbers do not hide one.
fn digits_hidden(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '(' | ')');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        out.push_str(rest.get(..start).unwrap_or_default());
        rest = rest.get(start..).unwrap_or_default();
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let digits: String = run.chars().filter(char::is_ascii_digit).collect();
        if digits.len() >= NUMBER_DIGITS {
            out.push_str(HIDDEN);
            out.push_str(digits.get(digits.len() - SHOWN_DIGITS..).unwrap_or_default());
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:12345@192.0.2.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1234567890\r\n\
        From: \"Wang \\\"X\\\" Xiuying\" <sip:13912345678@192.0.2.10>;tag=77\r\n\
        To: Zhang San <sip:+86-519-8712-3456@192.0.2.1>\r\n\
        P-Asserted-Identity: <tel:13912345678>\r\n\
        Call-ID: 13912345678-a@h\r\n\
        Proxy-Authorization: Digest username=\"u\",\r\n response=\"0123456789abcdef\"\r\n\
        CSeq: 1 INVITE\r\n\
        Content-Type: application/sdp\r\n\r\n\
        v=0\r\no=- 1234567890 1 IN IP4 192.0.2.10\r\np=13912345678\r\nm=audio 40000 RTP/SAVP 8\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2Vj\r\na=rtpmap:8 PCMA/8000\r\n";

    fn shown(text: &str, numbers: Numbers) -> String {
        Masked { packet: text.as_bytes(), numbers }.to_string()
    }

    #[test]
    fn neither_people_nor_secrets_are_in_the_text() {
        let text = shown(INVITE, Numbers::Masked);
        for leak in ["13912345678", "8712", "Wang", "Xiuying", "Zhang", "0123456789abcdef", "c2VjcmV0", "username"] {
            assert!(!text.contains(leak), "{leak} is in\n{text}");
        }
        for kept in ["INVITE sip:12345@192.0.2.1:5060", "z9hG4bK1234567890", "***78@192.0.2.10", "tag=77", "m=audio 40000", "a=rtpmap:8"] {
            assert!(text.contains(kept), "{kept} is not in\n{text}");
        }
    }

    #[test]
    fn a_site_may_show_numbers_but_never_secrets() {
        let text = shown(INVITE, Numbers::Shown);
        assert!(text.contains("13912345678") && text.contains("Xiuying"), "{text}");
        for leak in ["0123456789abcdef", "c2VjcmV0", "username"] {
            assert!(!text.contains(leak), "{leak} is in\n{text}");
        }
    }

    #[test]
    fn pressed_keys_and_unknown_bodies_stay_hidden() {
        let info = "INFO sip:a@b SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
        let text = shown(info, Numbers::Masked);
        assert!(!text.contains("Signal") && text.contains("dtmf-relay"), "{text}");
    }

    #[test]
    fn what_is_no_sip_is_masked_too() {
        for text in
            ["13912345678", "From:\"13912345678", "\r\n13912345678", "x\r\n 13912345678", "AUTHORIZATION : 13912345678\r\n\t13912345678"]
        {
            assert!(!shown(text, Numbers::Masked).contains("139123"), "{text:?}");
        }
        let long = "x".repeat(LONGEST + 5);
        assert!(shown(&long, Numbers::Masked).ends_with("(5 more bytes)"));
    }
}
