//! Challenges and credentials of somebody who does not know the secret: nothing opens the door, nothing fills the guard's memory.

use sip_core::digest::{Account, Challenge, Guard, GuardLimits, Ha1, HashFunction, Login, NonceKey, Signed, Verdict, choose};

const INVITE: Signed<'_> = Signed { method: b"INVITE", uri: b"sip:12345@hotline.example", body: b"v=0" };

pub(crate) fn target(data: &[u8]) {
    let offered = [HashFunction::Sha256, HashFunction::Md5];
    let mut guard = Guard::new("hotline", &offered, NonceKey([1; 32]), GuardLimits::default());
    guard.challenge(0, false);
    let fields: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let ha1 = |user: &str, hash| (user == "phone").then(|| Ha1::new(hash, user, "hotline", "kq3v-9d2m-unguessable"));
    let verdict = guard.verify(1, fields.iter().copied(), &INVITE, ha1);
    assert!(!matches!(verdict, Verdict::Accepted { .. } | Verdict::Stale), "{verdict:?} without the secret");
    assert_eq!(guard.remembered(), 0);
    let Some(challenge) = choose(fields.into_iter()) else { return };
    let account = Account { user: "phone".to_owned(), secret: "kq3v-9d2m-unguessable".to_owned() };
    let (first, stale) = (challenge.clone(), challenge.is_stale);
    let mut login = Login::new(challenge);
    assert_eq!(login.renewed(first).is_some(), stale);
    let credentials = login.credentials(&account, &INVITE, "c0ffee").expect("the first use");
    assert!(!credentials.contains("kq3v"), "{credentials}");
    let _ = Challenge::parse(credentials.as_bytes());
    // Whatever a server writes into its challenge, our field stays one line.
    assert!(!credentials.contains(['\r', '\n']), "{credentials:?}");
}
