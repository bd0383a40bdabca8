//! The answering side of a challenge: choose the strongest, count, write credentials (RFC 7616 sections 3.4 and 3.7, RFC 8760
//! section 2.4, RFC 3261 section 22.3).

use super::Parameters;
use super::hash::{Algorithm, Ha1, Qop, Signed, Terms, response};
use crate::message::grammar::{parts, trim};
use std::fmt;
use std::fmt::Write as _;

/// Most challenges looked at in one response.
pub const MAX_CHALLENGES: usize = 8;

/// A challenge that we can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its realm as it came, escapes kept.
    pub realm: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The quality that we answer with: `auth` before `auth-int`; `None` if the server names none (RFC 2069).
    pub qop: Option<Qop>,
    /// Whether only the nonce was refused, not the secret.
    pub is_stale: bool,
    nonce: String,
    opaque: Option<String>,
}

impl Challenge {
    /// Reads one value of WWW-Authenticate or Proxy-Authenticate. `None` if it is none of ours: another scheme, an algorithm or a
    /// quality that we do not know, no realm, no nonce.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let parameters = Parameters::parse(value)?;
        // What is repeated in our credentials may not break their line.
        let is_line = |text: &&[u8]| !text.iter().any(u8::is_ascii_control);
        let text = |name| parameters.get(name).filter(is_line).and_then(|text| String::from_utf8(text.to_vec()).ok());
        let qop = match parameters.get("qop") {
            None => None,
            Some(list) => {
                let offered = |wanted| parts(list, b',').any(|token| Qop::from_token(trim(token)) == Some(wanted));
                Some([Qop::Auth, Qop::AuthInt].into_iter().find(|qop| offered(*qop))?)
            }
        };
        Some(Self {
            realm: text("realm")?,
            algorithm: parameters.get("algorithm").map_or(Some(Algorithm::MD5), Algorithm::from_token)?,
            qop,
            is_stale: parameters.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case(b"true")),
            nonce: text("nonce").filter(|nonce| !nonce.is_empty())?,
            opaque: text("opaque"),
        })
    }
}

/// Of the challenges of one response the strongest that we can answer; of equals the first (rule: a server may offer SHA-256 beside MD5).
pub fn choose<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Challenge> {
    let known = values.take(MAX_CHALLENGES).filter_map(Challenge::parse);
    known.reduce(|best, next| if next.algorithm > best.algorithm { next } else { best })
}

/// Who we are to a trunk.
#[derive(Clone)]
pub struct Account {
    /// Its user name.
    pub user: String,
    /// Its secret.
    pub secret: String,
}

/// The secret is one.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(<secret>)")
    }
}

/// One nonce in use: every request under it counts.
#[derive(Debug, Clone)]
pub struct Login {
    challenge: Challenge,
    count: u32,
}

impl Login {
    /// Begins with a fresh challenge.
    #[must_use]
    pub fn new(challenge: Challenge) -> Self {
        Self { challenge, count: 0 }
    }

    /// What a challenge to credentials of ours means: `Some` to try again because only the nonce was old, `None` because the secret
    /// itself was refused and another try would be the same (RFC 3261 section 22.1).
    #[must_use]
    pub fn renewed(&self, challenge: Challenge) -> Option<Self> {
        challenge.is_stale.then(|| Self::new(challenge))
    }

    /// The value of Authorization or Proxy-Authorization for one request. `cnonce` is new and random for each request: a token of at
    /// least 64 bits in text. `None` when the nonce has been used 2^32 - 1 times.
    pub fn credentials(&mut self, account: &Account, signed: &Signed<'_>, cnonce: &str) -> Option<String> {
        self.count = self.count.checked_add(1)?;
        let challenge = &self.challenge;
        let ha1 = Ha1::new(challenge.algorithm.hash, &account.user, &challenge.realm, &account.secret);
        let terms = Terms {
            is_session: challenge.algorithm.is_session,
            nonce: challenge.nonce.as_bytes(),
            cnonce: cnonce.as_bytes(),
            qop: challenge.qop.map(|qop| (qop, self.count)),
        };
        let response = response(&ha1, &terms, signed);
        Some(self.write(&account.user, &String::from_utf8_lossy(signed.uri), cnonce, &response))
    }

    /// `algorithm`, `qop` and `nc` stand without quotes, everything else in them (RFC 7616 section 3.4).
    fn write(&self, user: &str, uri: &str, cnonce: &str, response: &str) -> String {
        let Challenge { realm, algorithm, qop, nonce, opaque, .. } = &self.challenge;
        let user = user.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"");
        let mut add = |part: fmt::Arguments<'_>| text.write_fmt(part).expect("a String takes all text");
        add(format_args!(", algorithm={}", algorithm.token()));
        if let Some(qop) = qop {
            add(format_args!(", qop={}, nc={:08x}", qop.token(), self.count));
        }
        if qop.is_some() || algorithm.is_session {
            add(format_args!(", cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = opaque {
            add(format_args!(", opaque=\"{opaque}\""));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: Signed<'_> = Signed { method: b"REGISTER", uri: b"sip:carrier.example", body: b"" };

    fn account() -> Account {
        Account { user: "bob".to_owned(), secret: "zanzibar".to_owned() }
    }

    fn login(challenge: &str) -> Login {
        Login::new(Challenge::parse(challenge.as_bytes()).expect("a challenge of ours"))
    }

    #[test]
    fn credentials_answer_the_example_of_rfc_7616_letter_by_letter() {
        let mut login = login(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        );
        let account = Account { user: "Mufasa".to_owned(), secret: "Circle of Life".to_owned() };
        let signed = Signed { method: b"GET", uri: b"/dir/index.html", body: b"" };
        assert_eq!(
            login.credentials(&account, &signed, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ").as_deref(),
            Some(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 uri=\"/dir/index.html\", response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256, \
                 qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        );
    }

    #[test]
    fn the_nonce_count_grows_in_eight_hexadecimal_digits() {
        let mut login = login("Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
        let counts: Vec<String> = (0..17)
            .map(|_| login.credentials(&account(), &REGISTER, "c").expect("credentials"))
            .map(|text| text.split("nc=").nth(1).expect("a count").chars().take(8).collect())
            .collect();
        assert_eq!((counts[0].as_str(), counts[9].as_str(), counts[16].as_str()), ("00000001", "0000000a", "00000011"));
        login.count = u32::MAX;
        assert_eq!(login.credentials(&account(), &REGISTER, "c"), None);
    }

    #[test]
    fn of_several_challenges_the_strongest_known_is_chosen() {
        let values = [
            "Digest realm=\"r\", nonce=\"1\", algorithm=MD5",
            "Basic realm=\"r\"",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-1024",
            "DIGEST realm=\"r\",nonce=\"3\",algorithm=\"sha-256\"",
            "Digest realm=\"r\", nonce=\"4\", algorithm=SHA-256",
            "Digest realm=\"r\", nonce=\"5\", algorithm=SHA-512-256, qop=\"none-of-ours\"",
        ];
        let chosen = choose(values.iter().map(|value| value.as_bytes())).expect("one of ours");
        assert_eq!(chosen.nonce, "3");
        assert_eq!(choose([&b"Basic realm=\"r\""[..]].into_iter()), None);
    }

    #[test]
    fn a_server_without_qop_is_answered_in_the_old_manner() {
        let text = login("Digest realm=\"r\", nonce=\"n\"").credentials(&account(), &REGISTER, "c").expect("credentials");
        assert!(!text.contains("qop") && !text.contains("nc=") && !text.contains("cnonce"), "{text}");
    }

    #[test]
    fn auth_int_is_taken_only_where_nothing_else_is_offered() {
        for (list, qop) in [("auth-int,auth", Qop::Auth), ("auth-int", Qop::AuthInt), (" AUTH , x ", Qop::Auth)] {
            let value = format!("Digest realm=\"r\", nonce=\"n\", qop=\"{list}\"");
            assert_eq!(Challenge::parse(value.as_bytes()).expect("a challenge").qop, Some(qop));
        }
    }

    #[test]
    fn only_a_stale_nonce_is_worth_another_try() {
        let login = login("Digest realm=\"r\", nonce=\"n\"");
        let again = |text: &str| login.renewed(Challenge::parse(text.as_bytes()).expect("a challenge")).is_some();
        assert!(again("Digest realm=\"r\", nonce=\"m\", stale=TRUE") && !again("Digest realm=\"r\", nonce=\"m\", stale=false"));
        assert!(!again("Digest realm=\"r\", nonce=\"m\""));
    }

    #[test]
    fn a_comma_or_a_quote_inside_a_value_parts_nothing_and_doubles_are_refused() {
        let challenge = Challenge::parse(br#"Digest realm="a, nonce=\"evil\"", nonce="good""#).expect("a challenge");
        assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), (r#"a, nonce=\"evil\""#, "good"));
        assert_eq!(Challenge::parse(b"Digest realm=\"a\", nonce=\"1\", nonce=\"2\""), None);
        assert_eq!(Challenge::parse(b"Digest"), None);
        let long = format!("Digest realm=\"a\", nonce=\"{}\"", "x".repeat(5_000));
        assert_eq!(Challenge::parse(long.as_bytes()), None);
    }
}
