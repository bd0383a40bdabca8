//! The media edge and the recorder by themselves, driven by lines of JSON on standard input: the engine under `cargo xtask bench media`.
//!
//! The same sources as in the server, with the same threads and limits, and the same commands as the core gives. Not here: SIP, the core,
//! the gateway; so that what is measured does not depend on them, and so that talks can be had that no phone or desktop asks for yet.
//! An example and not a hidden subcommand: nothing of it is in the program that is shipped.

#![allow(dead_code, unused_imports, reason = "the rooms have faces that only the whole server uses")]

#[path = "../../src/media/mod.rs"]
mod media;
#[path = "../../src/recording/mod.rs"]
mod recording;
mod switchboard;
#[path = "../../src/tunnel.rs"]
mod tunnel;

use anyhow::{Context, Result, bail};
use call_core::Input;
use call_core::command::{MediaAccess, MediaCommand, Part, RecordingCommand, SessionText, VoiceTerms};
use call_core::input::RecordingOutcome;
use call_core::voice::VoiceInput;
use media::frame::tap_ring;
use media::{Home, MediaHandle, MediaJoints, MediaSettings};
use recording::{KeyRing, RecordingHandle, RecordingSettings, file_with_new_key};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::model::{AgentId, InteractionId, LegId, RecordingId, VoiceCodec};
use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use switchboard::{Happening, Inbox};

/// Two for each trunk leg: two thousand calls.
const PORTS: std::ops::RangeInclusive<u16> = 12_000..=27_999;
/// Any answer comes sooner unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the media threads are heard while nothing else happens: nothing that they say is urgent here.
const LOOK: Duration = Duration::from_millis(50);
/// Ids of a call's legs lie so far apart.
const LEGS_PER_CALL: u64 = 4;

/// What a call is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Citizen and agent, A-law on both sides.
    PcmaRecorded,
    /// The same; the agent's desktop can Opus, and gets it once its link loses packets.
    PcmaOpus,
    /// A colleague talks with them.
    Conference3,
    /// A supervisor listens.
    Listen,
}

impl Kind {
    fn third(self) -> Option<Part> {
        match self {
            Self::PcmaRecorded | Self::PcmaOpus => None,
            Self::Conference3 => Some(Part::Talk),
            Self::Listen => Some(Part::Listen),
        }
    }
}

/// A line on standard input. Its end is the end of everything.
#[derive(Debug, Deserialize)]
struct Wish {
    /// What kind of calls.
    kind: Kind,
    /// UDP ports of the citizens on loopback, one for each call.
    citizens: Vec<u16>,
}

fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let folder = PathBuf::from(std::env::args_os().nth(1).context("a folder for the recordings is wanted")?);
    let mut engine = Engine::start(&folder)?;
    say(&json!({"event": "ready"}));
    engine.run()
}

/// Media edge and recorder, and what has come of them.
struct Engine {
    media: Option<MediaHandle>,
    recording: RecordingHandle,
    news: Receiver<Happening>,
    calls: u64,
    /// Agents' legs that send Opus.
    opus: HashSet<LegId>,
    /// Threads to whose talks nobody may come. Nobody is brought to any while there is one: the core knows better which talk is where.
    crowded: HashSet<u8>,
}

impl Engine {
    fn start(folder: &Path) -> Result<Self> {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let settings = MediaSettings {
            homes: vec![Home { bind: local, advertise: local }],
            ports: PORTS,
            agent_listen: SocketAddr::new(local, 0),
            music: Vec::new(),
            prompts: Vec::new(),
            threads: None,
            call_limit: None,
        };
        let threads = settings.thread_count();
        let (taps, tapped) = (0..threads).map(|_| tap_ring()).unzip();
        let (inbox, news) = Inbox::new();
        let key = folder.join("recording.key");
        write_secretly(&key, &file_with_new_key("")?)?;
        let folder = folder.join("recordings");
        let recordings =
            RecordingSettings { folder, key, alarm_percent: 99, expire_percent: 99, keep_days: None, compact_after_days: None };
        let keys = Arc::new(KeyRing::load(&recordings.key)?);
        let recording = recording::start(recordings, keys, tapped, inbox.clone())?;
        let (tunnel, _) = tunnel::dig(threads)?;
        let media = media::start(settings, MediaJoints { inbox: inbox.clone(), taps, tunnel })?;
        std::thread::spawn(move || {
            std::io::stdin().lock().lines().map_while(Result::ok).for_each(|line| inbox.tell(Happening::Line(line)));
            inbox.tell(Happening::Over);
        });
        Ok(Self { media: Some(media), recording, news, calls: 0, opus: HashSet::new(), crowded: HashSet::new() })
    }

    fn run(&mut self) -> Result<()> {
        loop {
            match self.next(LOOK)? {
                None => {}
                Some(Happening::Line(line)) => {
                    let wish: Wish = serde_json::from_str(&line).with_context(|| format!("not a wish: {line}"))?;
                    self.open(&wish)?;
                }
                Some(Happening::Input(input)) => self.note(&input),
                Some(Happening::Over) => return self.close(),
            }
        }
    }

    /// The next happening, if there is one within this time; the media threads are heard, too, and hear what they are to do.
    fn next(&mut self, limit: Duration) -> Result<Option<Happening>> {
        self.media.as_mut().context("the edge has ended")?.tend();
        match self.news.recv_timeout(limit) {
            Ok(happening) => Ok(Some(happening)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the edges have ended"),
        }
    }

    /// What comes unasked.
    fn note(&mut self, input: &Input) {
        match input {
            Input::Voice(VoiceInput::RoomForVoices { thread, has_room: true }) => _ = self.crowded.remove(thread),
            Input::Voice(VoiceInput::RoomForVoices { thread, has_room: false }) => _ = self.crowded.insert(*thread),
            _ => {}
        }
        if let Input::Voice(VoiceInput::SendAs { leg, codec, .. }) = input {
            match codec {
                VoiceCodec::Opus => self.opus.insert(*leg),
                VoiceCodec::Pcma | VoiceCodec::Unknown => self.opus.remove(leg),
            };
            say(&json!({"event": "opus", "legs": self.opus.len()}));
        }
    }

    fn send(&mut self, command: MediaCommand) -> Result<()> {
        self.media.as_mut().context("the edge has ended")?.send(command);
        Ok(())
    }

    /// Waits for so many answers.
    fn answers<T>(&mut self, count: usize, pick: impl Fn(Input) -> Result<T, Input>) -> Result<Vec<T>> {
        let mut found = Vec::with_capacity(count);
        let limit = Instant::now() + PATIENCE;
        while found.len() < count {
            match self.next(LOOK)? {
                Some(Happening::Input(input)) => match pick(input) {
                    Ok(answer) => found.push(answer),
                    Err(other) => self.note(&other),
                },
                Some(Happening::Line(line)) => bail!("a wish before the last one was fulfilled: {line}"),
                Some(Happening::Over) => bail!("the end before a wish was fulfilled"),
                None if Instant::now() > limit => bail!("the edge does not answer"),
                None => {}
            }
        }
        Ok(found)
    }

    fn open(&mut self, wish: &Wish) -> Result<()> {
        let first = self.calls;
        for (call, port) in (first..).zip(&wish.citizens) {
            let offer = format!(
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
            );
            self.send(MediaCommand::OpenTrunk {
                leg: citizen(call),
                offer: Some(SessionText(offer.into())),
                terms: VoiceTerms::default(),
            })?;
        }
        self.calls += wish.citizens.len() as u64;
        let opened = self.answers(wish.citizens.len(), |input| match input {
            Input::MediaOpened { leg, answer } => Ok((leg, Some(answer))),
            Input::MediaFailed { leg, .. } => Ok((leg, None)),
            other => Err(other),
        })?;
        let (mut calls, mut refused) = (Vec::new(), 0);
        for (leg, answer) in opened {
            match answer.map(|answer| self.join(wish.kind, leg, &answer)).transpose()?.flatten() {
                Some(call) => calls.push(call),
                None => {
                    refused += 1;
                    calls.push(Value::Null);
                }
            }
        }
        say(&json!({"event": "opened", "calls": calls, "refused": refused}));
        Ok(())
    }

    /// Brings agents to a citizen, and the recorder; `None` if a third one is wanted and there is no room.
    fn join(&mut self, kind: Kind, citizen: LegId, answer: &SessionText) -> Result<Option<Value>> {
        let third = kind.third().map(|part| (LegId(citizen.0 + 2), part));
        if third.is_some() && !self.crowded.is_empty() {
            self.send(MediaCommand::Close { leg: citizen })?;
            return Ok(None);
        }
        let agent = LegId(citizen.0 + 1);
        for leg in std::iter::once(agent).chain(third.map(|(leg, _)| leg)) {
            self.send(MediaCommand::OpenAgent { agent: AgentId(leg.0 as u32), leg })?;
        }
        let opened: Vec<MediaAccess> = self.answers(1 + usize::from(third.is_some()), |input| match input {
            Input::AgentMediaOpened { access, .. } => Ok(access),
            other => Err(other),
        })?;
        let recording = RecordingId(citizen.0);
        let path = format!("{:02}/{recording}.hlr", citizen.0 % 100);
        self.recording.send(RecordingCommand::Prepare { recording, interaction: InteractionId(citizen.0), path: path.into() });
        self.recording.send(RecordingCommand::Write { recording });
        self.send(MediaCommand::AgentVoice { leg: agent, opus: kind == Kind::PcmaOpus, muted: false })?;
        self.send(MediaCommand::Connect { citizen, agent, recording })?;
        if let Some((leg, part)) = third {
            self.send(MediaCommand::Attend { leg, citizen, part })?;
        }
        let agents = opened.iter().map(|access| serde_json::from_str(&access.0)).collect::<Result<Vec<Value>, _>>()?;
        Ok(Some(json!({"citizen_port": port(answer)?, "agents": agents})))
    }

    /// Ends all talks and recordings, and tells what became of them.
    fn close(&mut self) -> Result<()> {
        let media = self.media.take().context("the edge has ended")?;
        let figures = media.figures();
        drop(media);
        self.recording.stop();
        let (mut complete, mut failed) = (0, 0);
        while let Ok(happening) = self.news.try_recv() {
            match happening {
                Happening::Input(Input::RecordingFinished { outcome: RecordingOutcome::Complete { .. }, .. }) => complete += 1,
                Happening::Input(Input::RecordingFinished { .. }) => failed += 1,
                Happening::Input(_) | Happening::Line(_) | Happening::Over => {}
            }
        }
        say(
            &json!({"event": "over", "complete": complete, "failed": failed, "media": figures.read(), "recording": self.recording.figures()}),
        );
        Ok(())
    }
}

fn citizen(call: u64) -> LegId {
    LegId(call * LEGS_PER_CALL + 1)
}

fn port(answer: &SessionText) -> Result<u16> {
    let line = answer.0.lines().find_map(|line| line.strip_prefix("m=audio "));
    let port = line.and_then(|line| line.split(' ').next()).context("an answer without audio")?;
    Ok(port.parse()?)
}

fn say(line: &Value) {
    // A reader that has gone ends us by the end of its lines.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn write_secretly(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
