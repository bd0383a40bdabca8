//! The control socket: how a command speaks with the running server of a site.
//!
//! A Unix socket in the site's folder, mode 0600: who may use it is decided by the file system. One request and one answer per
//! connection, each a line of JSON.

use super::Failure;
use super::changes::Change;
use super::sip_wishes::SipWish;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const FILE_NAME: &str = "control.sock";
/// Longest request and longest answer.
const LINE_LIMIT_BYTES: u64 = 1024 * 1024;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// Requests served at once; more wait in the system's queue.
const SERVED_AT_ONCE: usize = 8;
/// Pause after a failed accept, as in the gateway.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a command may ask.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", content = "of", rename_all = "snake_case")]
pub(crate) enum Request {
    /// What the server is doing.
    Status,
    /// Which sources of SIP are ignored.
    Banned,
    /// A source of SIP is to be ignored no longer.
    Unban(IpAddr),
    /// A wish to the SIP edge.
    Sip(SipWish),
    /// A change of people or callers.
    Change(Change),
    /// The waiting lines at this moment.
    Queues,
    /// Read the configuration again.
    Reload,
    /// Lift the lock after wrong passwords.
    Unlock {
        /// Staff number 工号.
        number: String,
    },
}

impl Request {
    /// How long the answer may take.
    fn patience(&self) -> Duration {
        match self {
            Self::Sip(wish) => wish.patience(),
            Self::Status | Self::Banned | Self::Unban(_) | Self::Change(_) | Self::Queues | Self::Reload | Self::Unlock { .. } => PATIENCE,
        }
    }
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(Value),
    Refused(Failure),
}

/// Whoever answers in the running server. Called on a blocking thread, by several at once.
pub(crate) trait Control: Send + Sync + 'static {
    /// What the server is doing, as one JSON object. The command shows it as it is.
    fn status(&self) -> Value;

    /// Which sources of SIP are ignored for a time: `{"banned": [...]}`.
    ///
    /// # Errors
    /// The SIP edge does not answer.
    fn banned(&self) -> Result<Value, Failure>;

    /// Ignores a source of SIP no longer: `{"unbanned": bool}`, `false` if it was not ignored.
    ///
    /// # Errors
    /// The SIP edge does not answer.
    fn unban(&self, address: IpAddr) -> Result<Value, Failure>;

    /// Carries a wish to the SIP edge out.
    ///
    /// # Errors
    /// The edge does not answer, or refuses.
    fn sip(&self, wish: &SipWish) -> Result<Value, Failure>;

    /// Carries a change out ([`Change::apply`]) and tells the core if the plan is touched.
    ///
    /// # Errors
    /// The change is refused; nothing has changed then.
    fn change(&self, change: &Change) -> Result<Value, Failure>;

    /// The waiting lines at this moment.
    ///
    /// # Errors
    /// The switchboard does not answer.
    fn queues(&self) -> Result<Value, Failure>;

    /// Reads the configuration again and applies what can be applied while the server runs; the rest is named.
    ///
    /// # Errors
    /// The configuration has faults, or would drop somebody who waits; nothing has changed then.
    fn reload(&self) -> Result<Value, Failure>;

    /// Lifts the lock of a staff number at every address; returns how many there were.
    fn unlock(&self, number: &str) -> usize;
}

/// The server's end. Dropped, it closes the socket and removes its file.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the socket of the site in `folder` on the current tokio runtime. The caller holds the site's lock: an old file is nobody's.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn serve(folder: &Path, control: Arc<dyn Control>) -> std::io::Result<ControlSocket> {
    let path = folder.join(FILE_NAME);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = {
        let (_handle, short) = short_path(folder)?;
        UnixListener::bind(short)?
    };
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    let task = tokio::spawn(accept(listener, control));
    Ok(ControlSocket { path, task })
}

/// Asks the server of the site in `folder`. `None` if none runs there.
///
/// # Errors
/// The server refuses, or does not answer.
pub(crate) fn ask(folder: &Path, request: &Request) -> Result<Option<Value>, Failure> {
    let broken = |error: std::io::Error| {
        let message = format!("the server does not answer on {}: {error}", folder.join(FILE_NAME).display());
        Failure::new("no_answer", message, "Try again; if it stays, look at the server's log.")
    };
    let connected = short_path(folder).and_then(|(_handle, short)| UnixStream::connect(short));
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    match exchange(stream, request).map_err(broken)? {
        Answer::Done(value) => Ok(Some(value)),
        Answer::Refused(failure) => Err(failure),
    }
}

fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(request.patience()))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_LIMIT_BYTES)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

/// A path to the socket that fits into a socket address however deep the folder lies (unix(7): 108 bytes). Valid while the
/// handle lives.
fn short_path(folder: &Path) -> std::io::Result<(File, PathBuf)> {
    let handle = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{FILE_NAME}", handle.as_raw_fd()));
    Ok((handle, path))
}

async fn accept(listener: UnixListener, control: Arc<dyn Control>) {
    let room = Arc::new(Semaphore::new(SERVED_AT_ONCE));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = Arc::clone(&control);
                tokio::spawn(async move {
                    if !matches!(answer(stream, control).await, Ok(())) {
                        tracing::info!("a control request was not answered");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a control connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: tokio::net::UnixStream, control: Arc<dyn Control>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut lines = tokio::io::BufReader::new(read.take(LINE_LIMIT_BYTES));
    timeout(PATIENCE, lines.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => {
            let patience = request.patience();
            timeout(patience, tokio::task::spawn_blocking(move || carry_out(&*control, &request))).await?.map_err(std::io::Error::other)?
        }
        Err(_) => Answer::Refused(Failure::new(
            "not_understood",
            "the server does not know this request",
            "Use the server's own call-server program.",
        )),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    timeout(PATIENCE, write.write_all(line.as_bytes())).await?
}

fn carry_out(control: &dyn Control, request: &Request) -> Answer {
    match request {
        Request::Status => Answer::Done(control.status()),
        Request::Banned => answered(control.banned()),
        Request::Unban(address) => answered(control.unban(*address)),
        Request::Sip(wish) => answered(control.sip(wish)),
        Request::Change(change) => answered(control.change(change)),
        Request::Queues => answered(control.queues()),
        Request::Reload => answered(control.reload()),
        Request::Unlock { number } => Answer::Done(serde_json::json!({"unlocked": control.unlock(number)})),
    }
}

fn answered(result: Result<Value, Failure>) -> Answer {
    match result {
        Ok(value) => Answer::Done(value),
        Err(failure) => Answer::Refused(failure),
    }
}
