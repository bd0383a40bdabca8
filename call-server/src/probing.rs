//! Test calls of the hotline to itself: what one is worth, and the ones that are made by the clock (K-2).
//!
//! The caller is the citizen, which shares no line with our own signalling. It tells set-up, answer, sound and its quality; whether it was
//! heard is told by the server's own count of voice packets.

use crate::media::MediaFigures;
use crate::sip::SipSettings;
use citizen::{CallPlan, CallReport, Ending, Limits, Outcome as CallOutcome};
use serde::Serialize;
use shared::model::UnixMillis;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use voice::quality::{Coding, Conditions, mean_opinion_score};

/// Longest wait for the answer. A healthy server answers at once; a person at the keyboard waits.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long a test call by the clock listens.
const LISTENING: Duration = Duration::from_secs(5);
/// One packet, in ms: it is part of the delay.
const PACKET_MS: f64 = 20.0;
/// Of what the caller sent the server must have read so many percent to have heard it: the last packets may still be under way.
const HEARD_PERCENT: u64 = 90;

/// The test calls that are made by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProbeSettings {
    /// Whom to call.
    pub(crate) number: String,
    /// How often.
    pub(crate) every: Duration,
}

/// What a test call is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// It was answered, both sides were heard, and it ended in order.
    pub(crate) passed: bool,
    /// From the INVITE to the first ringing or answer, in ms.
    pub(crate) setup_ms: Option<u64>,
    /// From the INVITE to the answer, in ms.
    pub(crate) answered_ms: Option<u64>,
    /// The caller heard something.
    pub(crate) heard: bool,
    /// The server read the caller's voice; `None` if it cannot be told.
    pub(crate) was_heard: Option<bool>,
    /// Packets of what was heard that are missing, in percent.
    pub(crate) loss_percent: f64,
    /// Mean deviation of their arrival, in ms (RFC 3550 section 6.4.1).
    pub(crate) jitter_ms: f64,
    /// Estimated mean opinion score of what was heard, 1 to 4.41 (ITU-T G.107); `None` if nothing was.
    pub(crate) mean_opinion_score: Option<f64>,
    /// Why it failed.
    pub(crate) error: Option<String>,
}

/// An address of this host that the server takes for a probe.
pub(crate) fn own_address(sip: &SipSettings) -> Option<IpAddr> {
    let mut sources = sip.trunks.iter().filter(|trunk| trunk.probe).flat_map(|trunk| trunk.sources.iter().copied());
    sources.find(|source| std::net::UdpSocket::bind((*source, 0)).is_ok())
}

/// Where our own SIP is reached from this host.
pub(crate) fn server_address(sip: &SipSettings, port: u16, own: IpAddr) -> SocketAddr {
    let host = match (sip.listen.ip(), own) {
        (every, IpAddr::V4(own)) if every.is_unspecified() && own.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        (every, _) if every.is_unspecified() => sip.advertise,
        (one, _) => one,
    };
    SocketAddr::new(host, port)
}

/// Calls and listens. `voice_packets` tells how many packets the server has read from trunks.
///
/// # Errors
/// The call could not be tried.
pub(crate) fn call(
    server: SocketAddr,
    own: IpAddr,
    number: &str,
    listening: Duration,
    voice_packets: impl Fn() -> Option<u64>,
) -> Result<(CallReport, Verdict), String> {
    let plan = CallPlan {
        bind: own,
        ending: Ending::HangUpAfter(listening),
        limits: Limits { answer: ANSWER_LIMIT, talk: listening.saturating_mul(2) },
        ..CallPlan::new(server, number)
    };
    let before = voice_packets();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let report = runtime.block_on(citizen::call(plan)).map_err(|error| error.to_string())?;
    let read = before.zip(voice_packets()).map(|(before, after)| after.saturating_sub(before));
    let verdict = judge(&report, read);
    Ok((report, verdict))
}

/// What a call is worth of whose voice the server read so many packets.
fn judge(report: &CallReport, read: Option<u64>) -> Verdict {
    let heard = report.heard_dbfs.is_some();
    // Other calls may be running: too few shows that it was not heard, enough shows that somebody was.
    let was_heard = read.filter(|_| report.packets_sent > 0).map(|read| read * 100 >= report.packets_sent * HEARD_PERCENT);
    let expected = report.packets_received + report.packets_lost;
    let loss_percent = if expected == 0 { 0.0 } else { report.packets_lost as f64 * 100.0 / expected as f64 };
    let jitter_ms = f64::from(report.jitter_ms);
    let conditions = Conditions { coding: Coding::G711Silence, loss_percent, burst_ratio: 1.0, delay_ms: PACKET_MS + 2.0 * jitter_ms };
    let error = failure(report, was_heard);
    Verdict {
        passed: error.is_none(),
        setup_ms: report.ringing_ms.into_iter().chain(report.answered_ms).min(),
        answered_ms: report.answered_ms,
        heard,
        was_heard,
        loss_percent,
        jitter_ms,
        mean_opinion_score: heard.then(|| mean_opinion_score(&conditions)),
        error,
    }
}

fn failure(report: &CallReport, was_heard: Option<bool>) -> Option<String> {
    let status = report.status.map_or(String::new(), |status| format!(" with SIP status {status}"));
    let packets = report.packets_received;
    match (report.outcome, report.heard_dbfs) {
        (CallOutcome::Answered, Some(_)) if was_heard == Some(false) => {
            Some("answered and heard, but the server read nothing of its voice".to_owned())
        }
        (CallOutcome::Answered, Some(_)) => None,
        (CallOutcome::Answered, None) => Some(format!("answered, but nothing was heard ({packets} packets)")),
        (CallOutcome::Refused, _) => Some(format!("refused{status}")),
        (CallOutcome::Cancelled, _) => Some(format!("not answered within {} s", ANSWER_LIMIT.as_secs())),
        (CallOutcome::NoResponse, _) => Some("nothing came back".to_owned()),
        (CallOutcome::Broken, _) => Some(format!("answered, but it did not end in order{status}")),
    }
}

/// How the test calls by the clock go.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ProbeStatus {
    /// Calls so far.
    pub(crate) calls: u64,
    /// Of them those that failed.
    pub(crate) failed: u64,
    /// Failures since the last success.
    pub(crate) failed_in_a_row: u64,
    /// When the last one was made.
    pub(crate) last_at: Option<UnixMillis>,
    /// What it was worth.
    pub(crate) last: Option<Verdict>,
}

/// The thread of the test calls. Dropped, it makes no more.
#[derive(Debug)]
pub(crate) struct Probing {
    status: Arc<Mutex<ProbeStatus>>,
    stop: SyncSender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Probing {
    /// Starts calling by the clock; the first call is made after one interval.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(settings: ProbeSettings, server: SocketAddr, own: IpAddr, media: MediaFigures) -> std::io::Result<Self> {
        let status = Arc::new(Mutex::new(ProbeStatus::default()));
        let (stop, stopped) = sync_channel(1);
        let shared = Arc::clone(&status);
        let thread =
            std::thread::Builder::new().name("probe".to_owned()).spawn(move || run(&settings, server, own, &media, &shared, &stopped))?;
        Ok(Self { status, stop, thread })
    }

    /// How they go; shared with whoever shows it.
    pub(crate) fn status(&self) -> Arc<Mutex<ProbeStatus>> {
        Arc::clone(&self.status)
    }

    /// Ends the thread, after the call that is being made.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread of the test calls ended by a panic");
        }
    }
}

fn run(
    settings: &ProbeSettings,
    server: SocketAddr,
    own: IpAddr,
    media: &MediaFigures,
    status: &Mutex<ProbeStatus>,
    stopped: &Receiver<()>,
) {
    while stopped.recv_timeout(settings.every) == Err(RecvTimeoutError::Timeout) {
        let result = call(server, own, &settings.number, LISTENING, || Some(media.read().from_trunks));
        let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
        status.note(result.map(|(_, verdict)| verdict));
    }
}

impl ProbeStatus {
    fn note(&mut self, result: Result<Verdict, String>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        self.calls += 1;
        self.last_at = Some(UnixMillis(i64::try_from(now).unwrap_or(i64::MAX)));
        let (verdict, why) = match result {
            Ok(verdict) => (Some(verdict.clone()), verdict.error),
            Err(why) => (None, Some(why)),
        };
        self.last = verdict;
        match why {
            None => self.failed_in_a_row = 0,
            Some(why) => {
                self.failed += 1;
                self.failed_in_a_row += 1;
                tracing::warn!(why, in_a_row = self.failed_in_a_row, "the test call failed: citizens may not get through");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: CallOutcome, heard_dbfs: Option<f32>) -> CallReport {
        CallReport {
            outcome,
            status: Some(200),
            ringing_ms: Some(4),
            answered_ms: Some(12),
            talk_ms: Some(5_000),
            ended_by: None,
            done: Vec::new(),
            odd_statuses: Vec::new(),
            packets_sent: 250,
            packets_received: 240,
            packets_lost: 10,
            jitter_ms: 3.0,
            heard_dbfs,
            heard: Vec::new(),
        }
    }

    #[test]
    fn a_test_call_passes_only_if_both_sides_were_heard() {
        let good = judge(&report(CallOutcome::Answered, Some(-22.0)), Some(240));
        assert!(good.passed && good.heard && good.was_heard == Some(true), "{good:?}");
        assert_eq!((good.setup_ms, good.answered_ms, good.loss_percent), (Some(4), Some(12), 4.0));
        assert!(good.mean_opinion_score.is_some_and(|score| score > 1.5 && score < 3.5), "4 % of silence is heard: {good:?}");
        let deaf = judge(&report(CallOutcome::Answered, Some(-22.0)), Some(100));
        assert!(!deaf.passed && deaf.was_heard == Some(false), "{deaf:?}");
        let silent = judge(&report(CallOutcome::Answered, None), Some(250));
        assert_eq!(
            (silent.passed, silent.mean_opinion_score, silent.error.as_deref()),
            (false, None, Some("answered, but nothing was heard (240 packets)"))
        );
        assert!(!judge(&report(CallOutcome::Refused, None), None).passed);
    }

    #[test]
    fn failures_are_counted_in_a_row_until_one_call_passes() {
        let mut status = ProbeStatus::default();
        status.note(Err("no route".to_owned()));
        status.note(Ok(judge(&report(CallOutcome::Refused, None), None)));
        assert_eq!((status.calls, status.failed, status.failed_in_a_row), (2, 2, 2));
        status.note(Ok(judge(&report(CallOutcome::Answered, Some(-20.0)), Some(250))));
        assert_eq!((status.calls, status.failed, status.failed_in_a_row), (3, 2, 0));
        assert!(status.last.is_some_and(|verdict| verdict.passed) && status.last_at.is_some());
    }
}
