//! A citizen on a thread of its own, so that a test can do other things while the call runs.

use citizen::{CallPlan, CallReport, CitizenError};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// A call that runs.
#[derive(Debug)]
pub struct Caller {
    hang_up: oneshot::Sender<()>,
    report: Receiver<Result<CallReport, CitizenError>>,
}

impl Caller {
    /// Dials.
    ///
    /// # Panics
    /// If the thread cannot make a runtime.
    #[must_use]
    pub fn dial(plan: CallPlan) -> Self {
        let (hang_up, wish) = oneshot::channel();
        let (sender, report) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a small runtime");
            let wished = async {
                // A test that only waits for the report has dropped the sender: the call ends as planned.
                if wish.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let _ = sender.send(runtime.block_on(citizen::call_until(plan, wished)));
        });
        Self { hang_up, report }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it does not come in time, or the call could not be tried.
    #[must_use]
    pub fn report(self, limit: Duration) -> CallReport {
        let report = self.report.recv_timeout(limit).unwrap_or_else(|_| panic!("the citizen's call did not end within {limit:?}"));
        report.unwrap_or_else(|error| panic!("the citizen could not call: {error}"))
    }

    /// Hangs up now and waits for the end.
    #[must_use]
    pub fn hang_up(self, limit: Duration) -> CallReport {
        let Self { hang_up, report } = self;
        // A call that has ended already needs no hang-up.
        let _ = hang_up.send(());
        Self { hang_up: oneshot::channel().0, report }.report(limit)
    }
}
