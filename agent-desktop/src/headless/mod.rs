//! The desktop without a window: the same session and voice path, told by a script and by lines on standard input.
//!
//! Each event is one JSON object per line on standard output ([`report`]); each command one line on standard input ([`command`]).
//! A command waits for the answer to the one before.

mod command;
mod report;

use crate::client::{Clock, Parts, Snapshot, Start};
use desktop_core::{LinkState, View, Wish};
use report::Report;
use shared::model::AgentState;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Snapshots, wishes and commands that may wait.
const QUEUE: usize = 256;
/// An automatic wish waits at least this long, so that a desk that follows an answer is seen first.
const SETTLE: Duration = Duration::from_millis(20);
/// Wait after a refusal: the voice path may just be opening.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);
/// How long a sign-out at the end may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// What a headless client does by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Answer each call after it rang for so long.
    pub(crate) answer_after: Option<Duration>,
    /// Be ready whenever possible, and end each wrap-up.
    pub(crate) ready: bool,
    /// Hang up after so long a talk.
    pub(crate) hang_up_after: Option<Duration>,
    /// Leave after so many finished calls.
    pub(crate) calls: Option<u64>,
    /// A fingerprint that may be trusted.
    pub(crate) trust: Option<String>,
    /// Take a session over that lives elsewhere.
    pub(crate) take_over: bool,
}

/// Runs until it is signed out, told to quit, or a problem ends it.
///
/// # Errors
/// What keeps a client from starting at all; problems with server and sign-in are reported and give the exit code 1.
pub(crate) fn run(start: &Start, script: Script) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let parts = Parts::new(&start.client, Clock::new())?.patient();
    let (wishes, inbox) = mpsc::channel(QUEUE);
    let (snapshots, seen) = mpsc::channel(QUEUE);
    let first = start.sign_in();
    anyhow::ensure!(first.iter().any(|wish| matches!(wish, Wish::SignIn { .. })), "server, number or password is missing");
    for wish in first {
        wishes.try_send(wish)?;
    }
    let lines = read_lines()?;
    let show = move |snapshot: &Snapshot| {
        if snapshots.try_send(snapshot.clone()).is_err() {
            tracing::error!("a change was not reported: too many wait");
        }
    };
    let runner = Runner { script, wishes, report: Report::default(), armed: None, leave_by: None, out: std::io::stdout() };
    let code = runtime.block_on(async {
        let client = tokio::spawn(parts.run(inbox, show));
        let code = runner.run(seen, lines).await;
        // The wishes have ended with the runner; the client closes its files before the program ends.
        client.await.map(|()| code)
    })?;
    Ok(code)
}

/// Lines of standard input; its end is no command.
fn read_lines() -> std::io::Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel(QUEUE);
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("commands".to_owned()).spawn(read)?;
    Ok(lines)
}

struct Runner<W> {
    script: Script,
    wishes: mpsc::Sender<Wish>,
    report: Report,
    /// The next automatic wish, and when.
    armed: Option<(Wish, Instant)>,
    /// Set once the end is wanted.
    leave_by: Option<Instant>,
    out: W,
}

impl<W: Write> Runner<W> {
    async fn run(mut self, mut seen: mpsc::Receiver<Snapshot>, mut lines: mpsc::Receiver<String>) -> ExitCode {
        let mut view = View::default();
        let mut commands_open = true;
        loop {
            let wish_at = self.armed.as_ref().map(|(_, at)| *at);
            let leave_by = self.leave_by;
            tokio::select! {
                snapshot = seen.recv() => match snapshot {
                    Some(snapshot) => view = snapshot.view,
                    None => return ExitCode::FAILURE,
                },
                line = lines.recv(), if commands_open => match line {
                    Some(line) => self.command(&line),
                    None => commands_open = false,
                },
                () = until(wish_at) => self.fire(),
                () = until(leave_by) => return ExitCode::SUCCESS,
            }
            if let Some(code) = self.look(&view) {
                return code;
            }
        }
    }

    /// Reports what changed and arms the next automatic wish; gives the exit code at the end.
    fn look(&mut self, view: &View) -> Option<ExitCode> {
        let seen = self.report.look(view, &self.script);
        for line in &seen.lines {
            // Nobody reads any more: the end of this client.
            if writeln!(self.out, "{line}").and_then(|()| self.out.flush()).is_err() {
                return Some(ExitCode::FAILURE);
            }
        }
        if seen.ended {
            if let Some(problem) = &seen.problem {
                eprintln!("agent-desktop: {problem}");
            }
            return Some(if seen.problem.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        if self.script.calls.is_some_and(|calls| self.report.calls_ended() >= calls) {
            self.leave();
        }
        self.arm(view);
        None
    }

    /// Wishes to sign out, and to end in any case soon.
    fn leave(&mut self) {
        if self.leave_by.is_none() {
            self.leave_by = Some(Instant::now() + LEAVE_LIMIT);
        }
    }

    fn arm(&mut self, view: &View) {
        let Some((wish, delay)) = self.automatic(view) else {
            self.armed = None;
            return;
        };
        if self.armed.as_ref().is_none_or(|(armed, _)| *armed != wish) {
            let delay = if view.refusal.is_some() { delay.max(AFTER_REFUSAL) } else { delay.max(SETTLE) };
            self.armed = Some((wish, Instant::now() + delay));
        }
    }

    /// What the script wants in this view, and how long after the view became so.
    fn automatic(&self, view: &View) -> Option<(Wish, Duration)> {
        let script = &self.script;
        if let LinkState::ConfirmCertificate { fingerprint } = &view.link {
            return (script.trust.as_ref() == Some(fingerprint)).then_some((Wish::TrustCertificate, Duration::ZERO));
        }
        if view.link == LinkState::ConfirmTakeOver {
            return script.take_over.then_some((Wish::TakeOver, Duration::ZERO));
        }
        if self.leave_by.is_some() {
            return leaving(view);
        }
        if let Some(after) = script.answer_after.filter(|_| view.can_answer()) {
            return Some((Wish::Answer, after));
        }
        if let Some(after) = script.hang_up_after.filter(|_| view.can_hang_up()) {
            return Some((Wish::HangUp, after));
        }
        let wish = if view.state() == Some(AgentState::WrapUp) { Wish::EndWrapUp } else { Wish::GoReady };
        (script.ready && view.can_go_ready()).then_some((wish, Duration::ZERO))
    }

    fn fire(&mut self) {
        if let Some((wish, _)) = self.armed.take() {
            self.wish(wish);
        }
    }

    fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            tracing::error!("a wish was lost: too many wait");
        }
    }

    fn command(&mut self, line: &str) {
        match command::read(line) {
            Ok(command::Command::Wish(wish)) => self.wish(wish),
            Ok(command::Command::Quit) => self.leave(),
            Ok(command::Command::Nothing) => {}
            Err(error) => eprintln!("agent-desktop: {error}"),
        }
    }
}

fn leaving(view: &View) -> Option<(Wish, Duration)> {
    match view.link {
        LinkState::Online => (!view.asked).then_some((Wish::SignOut, Duration::ZERO)),
        LinkState::SigningIn | LinkState::Reconnecting { .. } => Some((Wish::Cancel, Duration::ZERO)),
        LinkState::SignedOut | LinkState::ConfirmCertificate { .. } | LinkState::ConfirmTakeOver => None,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
