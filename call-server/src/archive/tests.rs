//! Tests of the archive: real files, a real database.

use super::night::Night;
use super::verify::{Choice, Verified, VerifyFault};
use super::{ENVELOPES_AT_ONCE, Rotation, days, expiry, new_key, note_envelopes, verify};
use crate::recording::{self, KeyRing, RecordingSettings, inspect, write_for_test, write_tones_for_test};
use crate::scratch::Scratch;
use crate::store::{self, FileFigures, RecordingReport, RecordingResult, Store};
use crate::switchboard::Inbox;
use call_core::command::StoreCommand;
use shared::model::{Caller, Direction, InteractionId, PhoneNumber, RecordingId, UnixMillis};
use std::cell::Cell;

/// 2026-01-01 00:00 UTC.
const NEW_YEAR: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 24 * 3_600_000;

struct Site {
    scratch: Scratch,
    store: Store,
    settings: RecordingSettings,
    keys: KeyRing,
}

impl Site {
    fn new() -> Self {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let settings = RecordingSettings::for_test(scratch.path("recordings"));
        Self { scratch, store, settings, keys: KeyRing::for_test() }
    }

    /// A recording of 30 ms that began on this day of the year, with its row.
    fn record(&self, id: u64, day: i64, end: bool) {
        let (interaction, started, path) = (InteractionId(id), UnixMillis(NEW_YEAR + day * DAY_MS + 1), format!("{id}.rec"));
        write_for_test(&self.settings.folder.join(&path), RecordingId(id), Some(&self.keys), 3, end);
        let dialled = PhoneNumber::parse("12345").expect("valid");
        let (inbox, _messages) = Inbox::new();
        let handle = store::start(&self.store, inbox).expect("the store starts");
        handle.send(StoreCommand::Open {
            interaction,
            started,
            caller: Caller::default(),
            dialled,
            probe: false,
            direction: Direction::Inbound,
            diversions: Vec::new(),
        });
        handle.send(StoreCommand::OpenRecording { recording: RecordingId(id), interaction, path: path.into(), started });
        handle.stop();
    }

    fn close(&self, id: u64) {
        let found = inspect(&self.file(id), &self.keys).expect("readable");
        let figures = FileFigures { length_ms: found.length_ms, bytes: found.bytes, digest: found.digest };
        let complete = found.ending == recording::Ending::Complete;
        let result = if complete { RecordingResult::Complete(figures) } else { RecordingResult::Cut(figures) };
        self.store.settle_recording(RecordingId(id), &result).expect("writable");
    }

    fn file(&self, id: u64) -> std::path::PathBuf {
        self.settings.folder.join(format!("{id}.rec"))
    }

    fn row(&self, id: u64) -> RecordingReport {
        self.store.recording(RecordingId(id)).expect("readable").expect("on record")
    }

    fn verify(&self, choice: &Choice) -> Verified {
        verify(&self.store, &self.settings.folder, &self.keys, choice).expect("readable").expect("it exists")
    }

    fn only_fault(&self, choice: &Choice) -> VerifyFault {
        let mut faults = self.verify(choice).faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    fn close_days(&self, today: i64) -> usize {
        days::close_past(&self.store, UnixMillis(NEW_YEAR + today * DAY_MS)).expect("writable")
    }

    fn sql(&self, text: &str) {
        rusqlite::Connection::open(self.scratch.path("hotline.db")).and_then(|c| c.execute_batch(text)).expect("plain SQL");
    }
}

#[test]
fn verify_finds_every_changed_byte_and_every_cut_with_place_and_time() {
    let site = Site::new();
    site.record(1, 0, true);
    site.close(1);
    assert_eq!(site.verify(&Choice::All).faults, []);
    let bytes = std::fs::read(site.file(1)).expect("readable");
    let records = [184, 184 + 272, 184 + 2 * 272, 184 + 3 * 272, bytes.len()];
    let before = |at: usize| records.iter().rposition(|begin| *begin <= at);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        std::fs::write(site.file(1), &changed).expect("scratch is writable");
        let fault = site.only_fault(&Choice::One(RecordingId(1)));
        let place = before(at).map_or((0, 0), |number| (records[number] as u64, number as u64 * 10));
        assert_eq!((fault.at_byte, fault.at_ms), (Some(place.0), Some(place.1)), "byte {at}: {fault:?}");
    }
    for length in 0..bytes.len() {
        std::fs::write(site.file(1), &bytes[..length]).expect("scratch is writable");
        let fault = site.only_fault(&Choice::One(RecordingId(1)));
        let ms = before(length).map_or(0, |number| number as u64 * 10);
        assert_eq!(fault.at_ms, Some(ms), "cut at {length}: {fault:?}");
    }
}

#[test]
fn a_recording_that_a_crash_cut_is_sound_until_it_is_cut_again() {
    let site = Site::new();
    site.record(1, 0, false);
    assert_eq!(site.verify(&Choice::All).faults, [], "it still runs");
    site.close(1);
    assert_eq!(site.verify(&Choice::All).faults, []);
    let bytes = std::fs::read(site.file(1)).expect("readable");
    std::fs::write(site.file(1), &bytes[..bytes.len() - 272]).expect("scratch is writable");
    assert_eq!(site.only_fault(&Choice::All).at_ms, Some(20), "a whole record at the end is gone");
    std::fs::remove_file(site.file(1)).expect("it was there");
    assert!(site.only_fault(&Choice::All).what.contains("cannot be read"));
}

#[test]
fn a_whole_recording_in_the_place_of_another_is_found() {
    let site = Site::new();
    site.record(1, 0, true);
    site.close(1);
    std::fs::remove_file(site.file(1)).expect("it was there");
    write_for_test(&site.file(1), RecordingId(1), Some(&site.keys), 3, true);
    assert!(site.only_fault(&Choice::All).what.contains("not the one"));
}

#[test]
fn past_days_are_closed_in_order_and_any_later_change_of_them_is_found() {
    let site = Site::new();
    for (id, day) in [(1, 0), (2, 0), (3, 2), (4, 3)] {
        site.record(id, day, true);
    }
    site.close(1);
    site.close(3);
    assert_eq!(site.close_days(3), 0, "a recording of the first day is still open");
    site.close(2);
    site.close(4);
    assert_eq!(site.close_days(3), 2);
    assert_eq!(site.close_days(3), 0, "a day is closed once");
    let days = site.store.recording_days().expect("readable");
    let told: Vec<_> = days.iter().map(|day| (day.day.as_str(), day.recordings)).collect();
    assert_eq!(told, [("2026-01-01", 2), ("2026-01-03", 1)]);
    assert_eq!((days[0].previous.as_str(), &days[1].previous), ("0".repeat(64).as_str(), &days[0].root));
    let good = site.verify(&Choice::All);
    assert_eq!((good.recordings, good.days, good.faults.len(), good.root.as_ref()), (4, 2, 0, Some(&days[1].root)));

    let first = Choice::Day("2026-01-01".to_owned());
    assert_eq!(site.verify(&first).recordings, 2);
    site.sql("UPDATE recordings SET day = NULL WHERE id = 2");
    assert_eq!(site.only_fault(&first).day.as_deref(), Some("2026-01-01"));
    site.sql("UPDATE recordings SET day = '2026-01-01' WHERE id = 2");
    assert!(site.verify(&Choice::All).faults.is_empty());
    site.sql("DELETE FROM recording_days WHERE day = '2026-01-01'");
    let faults = site.verify(&Choice::All).faults;
    assert!(faults.iter().any(|fault| fault.day.as_deref() == Some("2026-01-03")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.day.as_deref() == Some("2026-01-01")), "{faults:?}");
    assert!(verify(&site.store, &site.settings.folder, &site.keys, &first).expect("readable").is_none());
}

#[test]
fn a_recording_found_after_its_day_was_closed_stands_in_the_next_one() {
    let site = Site::new();
    site.record(1, 0, true);
    site.close(1);
    assert_eq!(site.close_days(1), 1);
    site.record(2, 0, true);
    site.close(2);
    assert_eq!(site.close_days(1), 0, "the day after it is not over");
    assert_eq!(site.close_days(2), 1);
    assert_eq!(site.row(2).day.as_deref(), Some("2026-01-02"));
    assert!(site.verify(&Choice::All).faults.is_empty());
}

#[test]
fn only_old_recordings_are_deleted_and_only_while_the_disk_is_full_eldest_first() {
    let mut site = Site::new();
    for (id, day) in [(1, 0), (2, 1), (3, 2), (4, 20)] {
        site.record(id, day, true);
        site.close(id);
    }
    site.close_days(30);
    let now = UnixMillis(NEW_YEAR + 30 * DAY_MS);
    let there = |site: &Site| [1, 2, 3, 4].map(|id| site.file(id).exists());
    expiry::expire(&site.store, &site.settings, now, || Ok(100.0)).expect("writable");
    assert_eq!(there(&site), [true; 4], "without keep_days nothing is ever deleted");
    site.settings = RecordingSettings { expire_percent: 95, keep_days: Some(20), ..site.settings.clone() };
    expiry::expire(&site.store, &site.settings, now, || Ok(94.9)).expect("writable");
    assert_eq!(there(&site), [true; 4], "there is room");
    let looks = Cell::new(0);
    let fuller = || {
        looks.set(looks.get() + 1);
        Ok(if looks.get() <= 3 { 96.0 } else { 90.0 })
    };
    expiry::expire(&site.store, &site.settings, now, fuller).expect("writable");
    assert_eq!(there(&site), [false, false, true, true], "until there is room again");
    expiry::expire(&site.store, &site.settings, now, || Ok(100.0)).expect("writable");
    assert_eq!(there(&site), [false, false, false, true], "a young one is kept though the disk is full");
    assert_eq!((site.row(1).expired, site.row(4).expired), (Some(now), None));
    let found = site.verify(&Choice::All);
    assert_eq!((found.faults.len(), found.without_file, found.days), (0, 3, 4), "the days can still be proved");
}

#[test]
fn a_new_key_wraps_every_recording_and_changes_no_digest() {
    let mut site = Site::new();
    assert!(matches!(new_key(&site.store, &site.settings), Ok(Rotation::Done(_))), "an older site gets its first key");
    site.keys = KeyRing::load(&site.settings.key).expect("just made");
    let first = site.keys.current().expect("a key");
    site.record(1, 0, true);
    site.record(2, 0, false);
    write_for_test(&site.file(3), RecordingId(3), None, 1, true);
    site.close(1);
    note_envelopes(&site.store, &site.settings).expect("writable");
    assert_eq!(site.row(1).key, Some(first.to_string()));
    let digest = site.row(1).digest;

    let Ok(Rotation::Done(done)) = new_key(&site.store, &site.settings) else { panic!("it is made") };
    assert_eq!((done.wrapped, done.left.len()), (2, 0));
    assert_ne!(done.key, first);
    let text = std::fs::read_to_string(&site.settings.key).expect("readable");
    let newest = text.lines().find(|line| !line.starts_with('#')).expect("a key");
    site.keys = KeyRing::parse(newest).expect("the new key alone");
    assert_eq!(site.verify(&Choice::All).faults, []);
    assert_eq!((site.row(1).key, site.row(1).digest), (Some(done.key.to_string()), digest));

    std::fs::remove_file(&site.settings.key).expect("it was made");
    assert!(matches!(new_key(&site.store, &site.settings), Ok(Rotation::KeyLost)), "a lost key is not covered up");
    assert!(!site.settings.key.exists());
}

#[test]
fn wrapped_keys_go_into_the_books_many_at_once_and_all_or_none_of_them() {
    let site = Site::new();
    for id in 1..=3 {
        site.record(id, 0, true);
        site.close(id);
    }
    site.sql("CREATE TRIGGER no BEFORE UPDATE ON recordings WHEN new.id = 2 BEGIN SELECT raise(ABORT, 'no'); END");
    note_envelopes(&site.store, &site.settings).expect_err("the second row refuses");
    assert_eq!(site.row(1).key, None, "so the first has got nothing either");
    site.sql("DROP TRIGGER no");
    note_envelopes(&site.store, &site.settings).expect("writable");
    assert!((1..=3).all(|id| site.row(id).key.is_some()));
}

#[test]
fn one_round_looks_at_every_file_however_many_there_are() {
    let site = Site::new();
    site.record(1, 0, true);
    site.close(1);
    let rows = ENVELOPES_AT_ONCE * 2 + 1;
    site.sql(&format!(
        "WITH RECURSIVE ids (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM ids WHERE id < {rows})
         INSERT INTO recordings (id, interaction_id, path, started_utc_ms, state) SELECT id, 1, id || '.rec', 1, 'failed' FROM ids"
    ));
    let left = || site.store.recordings_without_envelope().expect("readable").len();
    assert_eq!(left(), rows);
    note_envelopes(&site.store, &site.settings).expect("writable");
    assert_eq!(left(), 0);
}

#[test]
fn a_damaged_head_takes_its_key_from_the_row_when_it_is_wrapped_anew() {
    let mut site = Site::new();
    new_key(&site.store, &site.settings).expect("made");
    site.keys = KeyRing::load(&site.settings.key).expect("just made");
    site.record(1, 0, true);
    site.close(1);
    note_envelopes(&site.store, &site.settings).expect("writable");
    let mut bytes = std::fs::read(site.file(1)).expect("readable");
    bytes[100] ^= 1;
    std::fs::write(site.file(1), &bytes).expect("scratch is writable");
    assert_eq!(site.verify(&Choice::All).faults.len(), 1);
    new_key(&site.store, &site.settings).expect("made");
    site.keys = KeyRing::load(&site.settings.key).expect("just made");
    assert_eq!(site.verify(&Choice::All).faults, [], "and the head is whole again");
}

#[test]
fn a_night_makes_old_recordings_small_and_everything_still_proves_to_be_what_it_was() {
    let site = Site::new();
    for (id, day) in [(1, 0), (2, 0), (3, 9)] {
        site.record(id, day, true);
        std::fs::remove_file(site.file(id)).expect("it was written");
        write_tones_for_test(&site.file(id), RecordingId(id), &site.keys, id != 2);
        site.close(id);
    }
    note_envelopes(&site.store, &site.settings).expect("writable");
    site.close_days(20);
    let digest = site.row(1).digest;
    let made = Night::whole_for_test(&site.store, &site.settings, &site.keys, UnixMillis(NEW_YEAR + 5 * DAY_MS));
    assert_eq!(made, 1, "the cut one stays as it is, and the young one");
    assert!(recording::is_compact(&site.file(1)).expect("readable"));
    assert_eq!(site.row(1).digest, digest);
    let verified = site.verify(&Choice::All);
    assert_eq!((verified.recordings, verified.faults), (3, vec![]));
    let envelope = recording::envelope(&site.file(1)).expect("readable").map(|envelope| envelope.to_text());
    let place = site.store.recording_place("1.rec").expect("readable").expect("on record");
    assert_eq!(place.envelope, envelope, "the row's copy of the key is that of the small file");
    assert_eq!(Night::whole_for_test(&site.store, &site.settings, &site.keys, UnixMillis(NEW_YEAR + 5 * DAY_MS)), 0, "once");
    let mut bytes = std::fs::read(site.file(1)).expect("readable");
    bytes[200] ^= 1;
    std::fs::write(site.file(1), bytes).expect("writable");
    assert_eq!(site.only_fault(&Choice::One(RecordingId(1))).recording, Some(RecordingId(1)));
}

#[test]
fn evidence_is_neither_deleted_nor_made_small_until_the_hold_is_lifted() {
    let mut site = Site::new();
    for id in [1, 2] {
        site.record(id, 0, true);
        std::fs::remove_file(site.file(id)).expect("it was written");
        write_tones_for_test(&site.file(id), RecordingId(id), &site.keys, true);
        site.close(id);
    }
    let now = UnixMillis(NEW_YEAR + 30 * DAY_MS);
    let (held, nobody) = (InteractionId(1), InteractionId(99));
    assert!(site.store.hold_recordings(held, ("emergency", ""), now).expect("writable"));
    assert!(!site.store.hold_recordings(nobody, ("投诉", "2001"), now).expect("writable"), "there is no such call");
    assert_eq!((site.row(1).held.as_deref(), site.row(2).held.as_deref()), (Some("emergency"), None));
    note_envelopes(&site.store, &site.settings).expect("writable");
    assert_eq!(Night::whole_for_test(&site.store, &site.settings, &site.keys, now), 1);
    let small = |id| recording::is_compact(&site.file(id)).expect("readable");
    assert_eq!([small(1), small(2)], [false, true], "the night leaves evidence as it is");
    site.settings = RecordingSettings { expire_percent: 95, keep_days: Some(20), ..site.settings.clone() };
    expiry::expire(&site.store, &site.settings, now, || Ok(100.0)).expect("writable");
    assert_eq!([1, 2].map(|id| site.file(id).exists()), [true, false], "no rule deletes evidence");
    assert_eq!(site.store.lift_holds(held, ("复核完毕", "2001"), now).expect("writable"), 1);
    assert_eq!(site.store.lift_holds(held, ("复核完毕", "2001"), now).expect("writable"), 0, "once");
    expiry::expire(&site.store, &site.settings, now, || Ok(100.0)).expect("writable");
    assert!(!site.file(1).exists());
    let holds = site.store.holds(held).expect("readable");
    let kept: Vec<_> = holds.iter().map(|hold| (hold.reason.as_str(), hold.lifted_by.as_deref())).collect();
    assert_eq!(kept, [("emergency", Some("2001"))], "what was held stays on record");
}
