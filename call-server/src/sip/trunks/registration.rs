//! One registration that we keep with a carrier: when to ask, with which credentials, and what the answers mean (RFC 3261 section 10.2).
//!
//! Pure: time and chance are arguments, requests and responses are values. Back-off as in RFC 5626 section 4.5.

use super::report::RegistrationStatus;
use super::settings::RegistrationSettings;
use sip_core::digest::{Account, Login, Signed, choose};
use sip_core::message::{Name, NameAddr, Response};

/// Wait after the first failure, and the longest one, in ms.
const FIRST_WAIT_MS: u64 = 30_000;
const LONGEST_WAIT_MS: u64 = 1_800_000;
/// A registrar that grants less than this would be asked all the time; it is asked after half of it at the earliest, in s.
const SHORTEST_GRANT_S: u64 = 20;
/// How soon after the last REGISTER one follows when the way to the registrar was lost, in ms; twice as long each time in a row, so that a
/// registrar that closes idle connections is not asked all the time.
const ANEW_MS: u64 = 10_000;
/// So often at most it is doubled.
const MOST_DOUBLED: u32 = 6;
/// Most challenges in a row: a nonce may be stale once.
const MAX_CHALLENGES: u8 = 2;
/// Most Service-Route values that are kept (RFC 3608).
const MAX_ROUTES: usize = 8;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// To be asked at this time.
    Due { at: u64 },
    /// Asked, unanswered.
    Asked,
    /// Granted until then, to be refreshed before.
    Granted { until: u64, refresh_at: u64 },
}

/// What an answer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Ask again at once, with what is now known.
    Again,
    /// Granted.
    Granted,
    /// Refused or failed; the next try is under way by time.
    Failed,
}

/// One registration.
#[derive(Debug)]
pub(super) struct Registration {
    settings: RegistrationSettings,
    account: Account,
    state: State,
    wanted_s: u32,
    login: Option<(&'static str, Login)>,
    challenges: u8,
    failures: u32,
    until: Option<u64>,
    /// When it asked last, and how often the way was lost since the last refresh in its own time.
    asked_at: u64,
    losses: u32,
    error: Option<String>,
    /// Routes that requests to the carrier shall take, as Route values.
    pub(super) routes: Vec<String>,
}

impl Registration {
    pub(super) fn new(settings: RegistrationSettings, account: Account) -> Self {
        let wanted_s = settings.wanted_s;
        let state = State::Due { at: 0 };
        Self {
            settings,
            account,
            state,
            wanted_s,
            login: None,
            challenges: 0,
            failures: 0,
            until: None,
            asked_at: 0,
            losses: 0,
            error: None,
            routes: Vec::new(),
        }
    }

    pub(super) fn registrar(&self) -> &str {
        &self.settings.registrar
    }

    /// When it wants to ask; `None` while an answer is awaited.
    pub(super) fn due(&self) -> Option<u64> {
        match self.state {
            State::Due { at } => Some(at),
            State::Asked => None,
            State::Granted { refresh_at, .. } => Some(refresh_at),
        }
    }

    /// Asks at once: an operator wants to see it, or the network has changed.
    pub(super) fn hurry(&mut self, now: u64) {
        if self.state != State::Asked {
            self.state = State::Due { at: now };
        }
    }

    /// The way to the registrar is broken, and what it knows of us may be void: asks again soon.
    pub(super) fn way_lost(&mut self, now: u64) {
        let State::Granted { refresh_at, .. } = self.state else { return };
        let at = now.max(self.asked_at.saturating_add(ANEW_MS << self.losses.min(MOST_DOUBLED)));
        if at < refresh_at {
            self.losses = self.losses.saturating_add(1);
            self.state = State::Due { at };
        }
    }

    pub(super) fn is_registered(&self, now: u64) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// The fields of the next REGISTER; `contact` is the URI under which we want to be called, `cnonce` new and random.
    pub(super) fn ask(&mut self, now: u64, contact: &str, cnonce: &str) -> Vec<(String, String)> {
        if matches!(self.state, State::Granted { .. }) {
            self.losses = 0;
        }
        (self.state, self.asked_at) = (State::Asked, now);
        let mut fields = vec![
            ("Contact".to_owned(), format!("<{contact}>")),
            ("Expires".to_owned(), self.wanted_s.to_string()),
            ("Supported".to_owned(), "path".to_owned()),
        ];
        if let Some((field, login)) = &mut self.login {
            let signed = Signed { method: b"REGISTER", uri: self.settings.registrar.as_bytes(), body: b"" };
            fields.extend(login.credentials(&self.account, &signed, cnonce).map(|value| ((*field).to_owned(), value)));
        }
        fields
    }

    /// An answer; `contact` as it was asked with.
    pub(super) fn answered(&mut self, now: u64, response: &Response, contact: &str, chance: u64) -> Outcome {
        match response.status() {
            200..300 => {
                self.granted(now, response, contact);
                Outcome::Granted
            }
            401 | 407 if self.challenged(response) => Outcome::Again,
            423 if self.asked_for_longer(response) => Outcome::Again,
            status => {
                let wait =
                    response.head().named("Retry-After").next().and_then(seconds).map(|wait_s| u64::from(wait_s).saturating_mul(1_000));
                self.failed(now, format!("refused with {status}"), chance, wait);
                Outcome::Failed
            }
        }
    }

    /// Nothing came back, or the way is broken.
    pub(super) fn unheard(&mut self, now: u64, chance: u64) {
        self.failed(now, "no response".to_owned(), chance, None);
    }

    /// It could not even be asked.
    pub(super) fn not_asked(&mut self, now: u64, why: String, chance: u64) {
        self.failed(now, why, chance, None);
    }

    fn granted(&mut self, now: u64, response: &Response, contact: &str) {
        let granted_s = u64::from(granted(response, contact).unwrap_or(self.wanted_s)).max(SHORTEST_GRANT_S);
        // A tenth before the end, but never less than ten seconds: a lost packet is repeated within that.
        let early_s = (granted_s / 10).max(10);
        let until = now.saturating_add(granted_s.saturating_mul(1_000));
        let refresh_at = until.saturating_sub(early_s.saturating_mul(1_000));
        self.state = State::Granted { until, refresh_at };
        self.until = Some(until);
        (self.challenges, self.failures, self.error) = (0, 0, None);
        let routes = response.head().named("Service-Route").flat_map(|field| field.split(|byte| *byte == b','));
        self.routes = routes.map(|route| String::from_utf8_lossy(route.trim_ascii()).into_owned()).take(MAX_ROUTES).collect();
    }

    /// Takes a challenge; `false` if it cannot be answered, or the secret itself is refused.
    fn challenged(&mut self, response: &Response) -> bool {
        let (asks, answers) =
            if response.status() == 401 { ("WWW-Authenticate", "Authorization") } else { ("Proxy-Authenticate", "Proxy-Authorization") };
        let Some(challenge) = choose(response.head().named(asks)) else { return false };
        self.challenges = self.challenges.saturating_add(1);
        // After a success the first challenge is an old nonce that ran out, whether the registrar says so or not.
        let is_first = self.challenges == 1;
        if self.challenges > MAX_CHALLENGES || !(is_first || challenge.is_stale) {
            return false;
        }
        self.login = Some((answers, Login::new(challenge)));
        true
    }

    fn asked_for_longer(&mut self, response: &Response) -> bool {
        let Some(minimum_s) = response.head().named("Min-Expires").next().and_then(seconds) else { return false };
        let is_longer = minimum_s > self.wanted_s && minimum_s <= 86_400;
        if is_longer {
            self.wanted_s = minimum_s;
        }
        is_longer
    }

    fn failed(&mut self, now: u64, why: String, chance: u64, wait: Option<u64>) {
        self.failures = self.failures.saturating_add(1);
        self.challenges = 0;
        self.login = None;
        self.error = Some(why);
        let doubled = FIRST_WAIT_MS.saturating_mul(1 << self.failures.saturating_sub(1).min(10)).min(LONGEST_WAIT_MS);
        // Between half and all of it, so that a thousand clients of one registrar do not come back together.
        let drawn = doubled / 2 + chance.checked_rem(doubled / 2).unwrap_or(0);
        let wait_ms = wait.map_or(drawn, |wait| wait.clamp(1_000, LONGEST_WAIT_MS));
        self.state = State::Due { at: now.saturating_add(wait_ms) };
    }

    pub(super) fn status(&self, now: u64) -> RegistrationStatus {
        let left = |at: u64| at.saturating_sub(now) / 1_000;
        RegistrationStatus {
            registered: self.is_registered(now),
            expires_in_s: self.until.filter(|until| now < *until).map(left),
            next_try_in_s: self.due().map(left),
            failures: self.failures,
            error: self.error.clone(),
        }
    }
}

/// How long our contact lives, in s: its own `expires`, else Expires (RFC 3261 section 10.2.4).
fn granted(response: &Response, contact: &str) -> Option<u32> {
    let bindings = || response.head().values(Name::Contact).filter_map(NameAddr::parse);
    let ours = bindings().find(|binding| binding.uri.raw == contact.as_bytes());
    // A registrar may write our URI differently; with a single binding there is no doubt.
    let ours = ours.or_else(|| bindings().next().filter(|_| bindings().count() == 1));
    let own = ours.and_then(|binding| seconds(binding.parameter("expires").flatten()?));
    own.or_else(|| response.head().named("Expires").next().and_then(seconds))
}

/// The number that a field begins with.
fn seconds(field: &[u8]) -> Option<u32> {
    let digits: Vec<u8> = field.trim_ascii().iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::message::{Message, parse};

    const CONTACT: &str = "sip:hotline@192.0.2.1:5060";

    fn registration() -> Registration {
        let settings = RegistrationSettings { registrar: "sip:carrier.example".to_owned(), wanted_s: 3_600 };
        Registration::new(settings, Account { user: "hotline".to_owned(), secret: "kq3v-9d2m".to_owned() })
    }

    fn response(status: u16, fields: &str) -> Box<Response> {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:h>;tag=1\r\nTo: <sip:h>;tag=2\r\nCall-ID: a\r\n\
             CSeq: 1 REGISTER\r\n{fields}\r\n"
        );
        match parse(text.into()) {
            Ok(Message::Response(response)) => response,
            other => panic!("not a response: {other:?}"),
        }
    }

    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=MD5\r\n";
    const STALE: &str = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n2\", qop=\"auth\", algorithm=MD5, stale=true\r\n";

    fn has(fields: &[(String, String)], name: &str, text: &str) -> bool {
        fields.iter().any(|(field, value)| field == name && value.contains(text))
    }

    #[test]
    fn a_challenge_is_answered_and_the_granted_time_is_refreshed_a_tenth_before_its_end() {
        let mut one = registration();
        assert_eq!(one.due(), Some(0));
        let first = one.ask(0, CONTACT, "c");
        assert!(has(&first, "Contact", "<sip:hotline@192.0.2.1:5060>") && has(&first, "Expires", "3600"));
        assert!(!first.iter().any(|(name, _)| name == "Authorization") && one.due().is_none());
        assert_eq!(one.answered(10, &response(401, CHALLENGE), CONTACT, 0), Outcome::Again);
        assert!(has(&one.ask(0, CONTACT, "c"), "Authorization", "username=\"hotline\""));
        let granted = format!("Contact: <sip:other@h>;expires=9, <{CONTACT}>;expires=600\r\nExpires: 5\r\n");
        assert_eq!(one.answered(1_000, &response(200, &granted), CONTACT, 0), Outcome::Granted);
        assert_eq!(one.due(), Some(1_000 + 540_000));
        assert!(one.is_registered(600_999) && !one.is_registered(601_000));
        // The refresh goes out with credentials at once, the count grown.
        assert!(has(&one.ask(0, CONTACT, "c"), "Authorization", "nc=00000002"));
        assert!(one.is_registered(600_000), "still registered while it is refreshed");
    }

    #[test]
    fn a_nonce_may_run_out_but_a_refused_secret_is_not_tried_again_and_again() {
        let mut one = registration();
        one.ask(0, CONTACT, "c");
        assert_eq!(one.answered(0, &response(401, CHALLENGE), CONTACT, 0), Outcome::Again);
        one.ask(0, CONTACT, "c");
        assert_eq!(one.answered(0, &response(401, STALE), CONTACT, 0), Outcome::Again, "only the nonce was old");
        one.ask(0, CONTACT, "c");
        assert_eq!(one.answered(0, &response(401, STALE), CONTACT, 0), Outcome::Failed, "for ever stale");
        let mut two = registration();
        two.ask(0, CONTACT, "c");
        two.answered(0, &response(401, CHALLENGE), CONTACT, 0);
        two.ask(0, CONTACT, "c");
        assert_eq!(two.answered(0, &response(401, CHALLENGE), CONTACT, 0), Outcome::Failed);
        assert_eq!(two.status(0).error.as_deref(), Some("refused with 401"));
        assert_eq!(two.due(), Some(15_000));
    }

    #[test]
    fn failures_wait_longer_each_time_and_a_success_forgets_them() {
        let mut one = registration();
        let mut waits = Vec::new();
        for _ in 0..9 {
            one.ask(0, CONTACT, "c");
            one.unheard(0, u64::MAX);
            waits.push(one.due().expect("a next try"));
        }
        assert!(waits.is_sorted() && waits[0] >= 15_000 && waits[0] <= 30_000 && waits[8] >= 900_000 && waits[8] <= 1_800_000, "{waits:?}");
        one.ask(0, CONTACT, "c");
        one.answered(0, &response(200, "Expires: 60\r\n"), CONTACT, 0);
        assert_eq!((one.status(0).failures, one.due()), (0, Some(50_000)));
        one.hurry(7);
        assert_eq!(one.due(), Some(7));
    }

    #[test]
    fn the_registrars_wishes_about_time_are_followed() {
        let mut one = registration();
        one.ask(0, CONTACT, "c");
        assert_eq!(one.answered(0, &response(423, "Min-Expires: 7200\r\n"), CONTACT, 0), Outcome::Again);
        assert!(has(&one.ask(0, CONTACT, "c"), "Expires", "7200"));
        assert_eq!(one.answered(0, &response(423, "Min-Expires: 7200\r\n"), CONTACT, 0), Outcome::Failed);
        one.ask(0, CONTACT, "c");
        assert_eq!(one.answered(0, &response(503, "Retry-After: 120 (maintenance)\r\n"), CONTACT, 0), Outcome::Failed);
        assert_eq!(one.due(), Some(120_000));
        one.ask(0, CONTACT, "c");
        let ok = response(200, "Contact: <sip:hotline@rewritten>;expires=300\r\nService-Route: <sip:a;lr>, <sip:b;lr>\r\n");
        assert_eq!(one.answered(0, &ok, CONTACT, 0), Outcome::Granted);
        assert_eq!((one.due(), one.routes.as_slice()), (Some(270_000), ["<sip:a;lr>".to_owned(), "<sip:b;lr>".to_owned()].as_slice()));
    }

    #[test]
    fn a_lost_way_is_made_anew_soon_but_not_all_the_time() {
        let mut one = registration();
        let grant = |one: &mut Registration, now| {
            one.ask(now, CONTACT, "c");
            assert_eq!(one.answered(now, &response(200, "Expires: 3600\r\n"), CONTACT, 0), Outcome::Granted);
        };
        grant(&mut one, 1_000);
        one.way_lost(500_000);
        assert_eq!(one.due(), Some(500_000), "the last question is long ago");
        let mut waits = Vec::new();
        for round in 0..10 {
            let now = 1_000_000 * (round + 1);
            grant(&mut one, now);
            one.way_lost(now + 5);
            one.way_lost(now + 6);
            waits.push(one.due().expect("a next try") - now);
        }
        assert_eq!(waits, [20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 640_000, 640_000, 640_000, 640_000]);
        grant(&mut one, 20_000_000);
        grant(&mut one, 23_240_000);
        one.way_lost(23_240_001);
        assert_eq!(one.due(), Some(23_250_000), "a refresh in its own time forgets the losses");
    }
}
