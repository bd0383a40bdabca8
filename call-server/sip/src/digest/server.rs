//! The asking side: challenges, and verification against stored HA1 values (RFC 7616 sections 3.3, 3.4.6 and 5, RFC 8760 section 2.3).
//!
//! The guard remembers only nonces under which somebody has proved a secret: a stranger cannot fill its table.

use super::Parameters;
use super::hash::{Algorithm, Ha1, HashFunction, Qop, Signed, Terms, equal_in_constant_time, response};
use super::nonce::{Nonce, NonceKey};
use std::collections::BTreeMap;

/// How many counts below the highest one may still arrive, each once: UDP reorders.
const WINDOW: u32 = 64;

/// Limits of one guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardLimits {
    /// How long a nonce may be used, in ms.
    pub nonce_age_ms: u64,
    /// Most nonces whose counts are remembered. Beyond it the oldest is retired: its user is asked again with a fresh one.
    pub nonces: usize,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { nonce_age_ms: 300_000, nonces: 4_096 }
    }
}

/// What became of a request's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They are right, and this count has not been seen before.
    Accepted {
        /// Who it is.
        user: String,
    },
    /// None for our realm: challenge.
    Missing,
    /// The secret is right but the nonce too old, not ours, or its count was used: challenge with `stale`.
    Stale,
    /// Unknown user, wrong secret, or an algorithm that was not offered: challenge, and count it as a failure.
    Denied,
    /// Credentials for our realm that lack something or belong to another Request-URI: 400 (RFC 7616 section 3.4.6).
    Malformed,
}

/// Which counts of one nonce have been used.
#[derive(Debug, Clone, Copy)]
struct Counts {
    highest: u32,
    /// Bit n: `highest - n` was used.
    used: u64,
}

impl Counts {
    /// Notes a count; `false` if it was used or is too far behind.
    fn take(&mut self, count: u32) -> bool {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            self.used = self.used.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest.saturating_sub(count);
        let bit = if behind < WINDOW { 1_u64.checked_shl(behind).unwrap_or(0) } else { 0 };
        let is_new = bit != 0 && self.used & bit == 0;
        self.used |= bit;
        is_new
    }
}

/// Credentials as they came.
struct Presented<'a> {
    user: String,
    algorithm: Algorithm,
    response: &'a [u8],
    uri: &'a [u8],
    nonce: &'a [u8],
    cnonce: &'a [u8],
    qop: Qop,
    count: u32,
}

impl<'a> Presented<'a> {
    fn read(parameters: &Parameters<'a>) -> Option<Self> {
        let count = parameters.get("nc").filter(|digits| digits.len() == 8 && digits.iter().all(u8::is_ascii_hexdigit))?;
        Some(Self {
            user: user_text(parameters.get("username")?)?,
            algorithm: parameters.get("algorithm").map_or(Some(Algorithm::MD5), Algorithm::from_token)?,
            response: parameters.get("response")?,
            uri: parameters.get("uri")?,
            nonce: parameters.get("nonce")?,
            cnonce: parameters.get("cnonce").filter(|cnonce| !cnonce.is_empty())?,
            qop: Qop::from_token(parameters.get("qop")?)?,
            count: u32::from_str_radix(std::str::from_utf8(count).ok()?, 16).ok().filter(|count| *count > 0)?,
        })
    }

    fn terms(&self) -> Terms<'a> {
        Terms { is_session: self.algorithm.is_session, nonce: self.nonce, cnonce: self.cnonce, qop: Some((self.qop, self.count)) }
    }
}

/// A quoted user name with its escapes resolved.
fn user_text(quoted: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        text.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    String::from_utf8(text).ok().filter(|user| !user.is_empty())
}

/// Asks for credentials and judges them.
#[derive(Debug)]
pub struct Guard {
    realm: String,
    algorithms: Vec<HashFunction>,
    key: NonceKey,
    limits: GuardLimits,
    serial: u64,
    seen: BTreeMap<Nonce, Counts>,
    /// Nonces up to this one that are not in the table are retired.
    floor: Option<Nonce>,
}

impl Guard {
    /// `realm` without quotes and backslashes; `algorithms` in the order in which they are offered, the liked one first.
    #[must_use]
    pub fn new(realm: &str, algorithms: &[HashFunction], key: NonceKey, limits: GuardLimits) -> Self {
        let realm = realm.chars().filter(|letter| !matches!(letter, '"' | '\\' | '\r' | '\n')).collect();
        Self { realm, algorithms: algorithms.to_vec(), key, limits, serial: 0, seen: BTreeMap::new(), floor: None }
    }

    /// The realm as it is written and hashed.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// How many nonces are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.seen.len()
    }

    /// The values of the WWW-Authenticate (or Proxy-Authenticate) fields of a 401 (407), one per algorithm. `now` in ms.
    pub fn challenge(&mut self, now: u64, is_stale: bool) -> Vec<String> {
        self.serial = self.serial.saturating_add(1);
        let nonce = Nonce { made_at: now, serial: self.serial }.text(&self.key);
        let stale = if is_stale { ", stale=true" } else { "" };
        let value = |hash: &HashFunction| {
            let token = Algorithm { hash: *hash, is_session: false }.token();
            format!("Digest realm=\"{}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={token}{stale}", self.realm)
        };
        self.algorithms.iter().map(value).collect()
    }

    /// Judges the values of a request's Authorization (or Proxy-Authorization) fields at `now` (ms). `ha1_of` finds what is stored for a
    /// user; it is asked only for hash functions that were offered.
    pub fn verify<'a>(
        &mut self,
        now: u64,
        fields: impl Iterator<Item = &'a [u8]>,
        signed: &Signed<'_>,
        ha1_of: impl FnOnce(&str, HashFunction) -> Option<Ha1>,
    ) -> Verdict {
        let ours = |parameters: &Parameters<'_>| parameters.get("realm") == Some(self.realm.as_bytes());
        let Some(parameters) = fields.filter_map(Parameters::parse).find(ours) else {
            return Verdict::Missing;
        };
        let Some(presented) = Presented::read(&parameters).filter(|presented| presented.uri == signed.uri) else {
            return Verdict::Malformed;
        };
        if !self.is_proved(&presented, signed, ha1_of) {
            return Verdict::Denied;
        }
        if self.is_fresh(now, presented.nonce, presented.count) { Verdict::Accepted { user: presented.user } } else { Verdict::Stale }
    }

    /// An unknown user costs as much time as a wrong secret.
    fn is_proved(&self, presented: &Presented<'_>, signed: &Signed<'_>, ha1_of: impl FnOnce(&str, HashFunction) -> Option<Ha1>) -> bool {
        let hash = presented.algorithm.hash;
        if presented.algorithm.is_session || presented.qop != Qop::Auth || !self.algorithms.contains(&hash) {
            return false;
        }
        let stored = ha1_of(&presented.user, hash).filter(|ha1| ha1.hash() == hash);
        let is_known = stored.is_some();
        let ha1 = stored.unwrap_or_else(|| Ha1::new(hash, "", "", ""));
        let expected = response(&ha1, &presented.terms(), signed);
        equal_in_constant_time(expected.as_bytes(), &presented.response.to_ascii_lowercase()) && is_known
    }

    fn is_fresh(&mut self, now: u64, nonce: &[u8], count: u32) -> bool {
        let Some(nonce) = Nonce::read(nonce, &self.key) else {
            return false;
        };
        let oldest = now.saturating_sub(self.limits.nonce_age_ms);
        self.seen = self.seen.split_off(&Nonce { made_at: oldest, serial: 0 });
        if nonce.made_at < oldest || nonce.made_at > now {
            return false;
        }
        if let Some(counts) = self.seen.get_mut(&nonce) {
            return counts.take(count);
        }
        if self.floor.is_some_and(|floor| nonce <= floor) {
            return false;
        }
        self.seen.insert(nonce, Counts { highest: count, used: 1 });
        if self.seen.len() > self.limits.nonces {
            self.floor = self.seen.pop_first().map(|(retired, _)| retired).max(self.floor);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::{Account, Challenge, Login, choose};
    use super::*;

    const OFFERED: [HashFunction; 2] = [HashFunction::Sha256, HashFunction::Md5];
    const INVITE: Signed<'_> = Signed { method: b"INVITE", uri: b"sip:12345@hotline.example", body: b"" };
    const AGE: u64 = 300_000;

    fn guard(nonces: usize) -> Guard {
        Guard::new("hotline", &OFFERED, NonceKey([1; 32]), GuardLimits { nonce_age_ms: AGE, nonces })
    }

    fn account() -> Account {
        Account { user: "phone-7".to_owned(), secret: "kq3v-9d2m".to_owned() }
    }

    fn ha1_of(user: &str, hash: HashFunction) -> Option<Ha1> {
        (user == "phone-7").then(|| Ha1::new(hash, user, "hotline", "kq3v-9d2m"))
    }

    fn login(guard: &mut Guard, now: u64) -> Login {
        let values = guard.challenge(now, false);
        Login::new(choose(values.iter().map(String::as_bytes)).expect("a challenge"))
    }

    fn judge(guard: &mut Guard, now: u64, credentials: &str) -> Verdict {
        guard.verify(now, [credentials.as_bytes()].into_iter(), &INVITE, ha1_of)
    }

    fn accepted() -> Verdict {
        Verdict::Accepted { user: "phone-7".to_owned() }
    }

    #[test]
    fn our_client_convinces_our_server_once_per_count() {
        let mut guard = guard(10);
        let mut login = login(&mut guard, 1_000);
        for _ in 0..300 {
            let credentials = login.credentials(&account(), &INVITE, "c0ffee").expect("credentials");
            assert!(credentials.contains("algorithm=SHA-256"));
            assert_eq!(judge(&mut guard, 2_000, &credentials), accepted());
            assert_eq!(judge(&mut guard, 2_000, &credentials), Verdict::Stale, "a replay");
        }
        assert_eq!(guard.remembered(), 1);
    }

    #[test]
    fn counts_may_overtake_each_other_within_the_window() {
        let mut guard = guard(10);
        let mut login = login(&mut guard, 0);
        let all: Vec<String> = (0..70).map(|_| login.credentials(&account(), &INVITE, "c").expect("credentials")).collect();
        for (place, expected) in [(69, accepted()), (6, accepted()), (6, Verdict::Stale), (5, Verdict::Stale), (68, accepted())] {
            assert_eq!(judge(&mut guard, 1, &all[place]), expected, "count {}", place + 1);
        }
    }

    #[test]
    fn an_old_or_foreign_nonce_is_stale_if_the_secret_is_right() {
        let mut guard = guard(10);
        let mut own = login(&mut guard, 1_000);
        let mut next = || own.credentials(&account(), &INVITE, "c").expect("credentials");
        assert_eq!(judge(&mut guard, 1_000 + AGE, &next()), accepted());
        assert_eq!(judge(&mut guard, 1_001 + AGE, &next()), Verdict::Stale);
        assert_eq!(guard.remembered(), 0, "what is too old is forgotten");
        assert_eq!(judge(&mut guard, 999, &next()), Verdict::Stale, "from the future");
        let mut elsewhere = Guard::new("hotline", &OFFERED, NonceKey([2; 32]), GuardLimits::default());
        let credentials = login(&mut elsewhere, 1_000).credentials(&account(), &INVITE, "c").expect("credentials");
        assert_eq!(judge(&mut guard, 1_000, &credentials), Verdict::Stale);
        assert!(guard.challenge(1, true).iter().all(|value| Challenge::parse(value.as_bytes()).expect("a challenge").is_stale));
    }

    #[test]
    fn a_full_table_retires_its_oldest_nonce_for_good() {
        let mut guard = guard(2);
        let mut logins: Vec<Login> = (0..4).map(|at| login(&mut guard, at)).collect();
        let used: Vec<String> =
            logins.iter_mut().skip(1).map(|login| login.credentials(&account(), &INVITE, "c").expect("credentials")).collect();
        for credentials in &used {
            assert_eq!(judge(&mut guard, 10, credentials), accepted());
        }
        assert_eq!(guard.remembered(), 2);
        assert_eq!(judge(&mut guard, 10, &used[0]), Verdict::Stale, "retired, so a replay cannot be told from a first use");
        let unused = logins[0].credentials(&account(), &INVITE, "c").expect("credentials");
        assert_eq!(judge(&mut guard, 10, &unused), Verdict::Stale, "older than what was retired");
    }

    #[test]
    fn strangers_leave_nothing_behind() {
        let mut guard = guard(10);
        for (user, secret) in [("phone-7", "wrong"), ("phone-8", "kq3v-9d2m"), ("phone-8", "")] {
            let account = Account { user: user.to_owned(), secret: secret.to_owned() };
            let credentials = login(&mut guard, 0).credentials(&account, &INVITE, "c").expect("credentials");
            assert_eq!(judge(&mut guard, 1, &credentials), Verdict::Denied);
        }
        let nobody = Account { user: "".to_owned(), secret: "".to_owned() };
        let credentials = login(&mut guard, 0).credentials(&nobody, &INVITE, "c").expect("credentials");
        assert_eq!(judge(&mut guard, 1, &credentials), Verdict::Malformed);
        assert_eq!(guard.remembered(), 0);
    }

    #[test]
    fn the_stand_in_for_an_unknown_user_opens_nothing() {
        let mut guard = guard(10);
        let credentials = login(&mut guard, 0).credentials(&account(), &INVITE, "c").expect("credentials");
        // Signed with the stand-in's own HA1, as somebody would who has read this file.
        let parameters = Parameters::parse(credentials.as_bytes()).expect("credentials");
        let terms = Presented::read(&parameters).expect("whole").terms();
        let forged = response(&Ha1::new(HashFunction::Sha256, "", "", ""), &terms, &INVITE);
        let proper = String::from_utf8_lossy(parameters.get("response").expect("a response")).into_owned();
        let credentials = credentials.replace(&proper, &forged).replace("phone-7", "phone-9");
        assert_eq!(judge(&mut guard, 1, &credentials), Verdict::Denied);
    }

    #[test]
    fn credentials_count_for_their_own_request_alone() {
        let mut guard = guard(10);
        let good = login(&mut guard, 0).credentials(&account(), &INVITE, "c").expect("credentials");
        let other_uri = Signed { uri: b"sip:00900@hotline.example", ..INVITE };
        let other_method = Signed { method: b"REFER", ..INVITE };
        let mut verify = |signed: &Signed<'_>| guard.verify(1, [good.as_bytes()].into_iter(), signed, ha1_of);
        assert_eq!((verify(&other_uri), verify(&other_method)), (Verdict::Malformed, Verdict::Denied));
        assert_eq!(verify(&INVITE), accepted());
    }

    #[test]
    fn an_algorithm_that_was_not_offered_is_denied_and_missing_parts_are_malformed() {
        let mut strict = Guard::new("hotline", &[HashFunction::Sha256], NonceKey([1; 32]), GuardLimits::default());
        let weak = strict.challenge(0, false).remove(0).replace("SHA-256", "MD5");
        let session = weak.replace("MD5", "SHA-256-sess");
        for value in [weak, session] {
            let mut login = Login::new(Challenge::parse(value.as_bytes()).expect("a challenge"));
            let credentials = login.credentials(&account(), &INVITE, "c").expect("credentials");
            assert_eq!(judge(&mut strict, 1, &credentials), Verdict::Denied);
        }
        let good = login(&mut strict, 0).credentials(&account(), &INVITE, "c").expect("credentials");
        for (from, to) in [
            ("nc=00000001", "nc=1"),
            ("nc=00000001", "nc=00000000"),
            ("nc=00000001", "nc=+0000001"),
            ("qop=auth, ", ""),
            ("cnonce=", "x="),
            ("response=", "x="),
        ] {
            assert_eq!(judge(&mut strict, 1, &good.replace(from, to)), Verdict::Malformed, "{to}");
        }
        assert_eq!(judge(&mut strict, 1, &good.replace("realm=\"hotline\"", "realm=\"other\"")), Verdict::Missing);
        assert_eq!(judge(&mut strict, 1, "Basic cGhvbmU="), Verdict::Missing);
        assert_eq!(judge(&mut strict, 1, &good), accepted());
    }

    #[test]
    fn any_damage_to_credentials_is_survived() {
        let mut guard = guard(10);
        let good = login(&mut guard, 0).credentials(&account(), &INVITE, "c").expect("credentials");
        let mut random = fastrand::Rng::with_seed(0x7616);
        for _ in 0..5_000 {
            let mut bytes = good.clone().into_bytes();
            for _ in 0..random.usize(1..4) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            guard.verify(1, [&bytes[..]].into_iter(), &INVITE, ha1_of);
            let _ = Challenge::parse(&bytes);
        }
        assert!(guard.remembered() <= 1);
    }
}
