//! The command line, as written and as understood.

use crate::audio::{LoudspeakerChoice, MicrophoneChoice, SoundChoice};
use crate::client::{ClientOptions, Start};
use crate::headless::Script;
use crate::i18n::Language;
use crate::keeping::{Keeping, Settings};
use crate::theme::Mode;
use anyhow::Context;
use clap::Parser;
use shared::model::VoiceDevice;
use shared::pii::Pii;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Duration;

/// The name that stands for the system's choice of a device.
const SYSTEMS_CHOICE: &str = "default";
/// Longest password, in bytes; also the most that is read of a password file.
const MAX_PASSWORD_BYTES: u64 = 1_024;

/// The agent's desktop of the hotline.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// Run without a window: events as JSON lines on standard output, commands as lines on standard input
    #[arg(long, requires_all = ["server", "number"])]
    pub(crate) headless: bool,
    /// The call server
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
    /// Certificates to trust (PEM): those of your CA, or the server's own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust the server if its certificate has this SHA-256 fingerprint, and remember it
    #[arg(long, value_name = "AB:CD:…", requires = "headless")]
    trust: Option<String>,
    /// End a session of the same number that lives at another desktop, and work here instead
    #[arg(long, requires = "headless")]
    take_over: bool,
    /// Where trusted fingerprints are remembered, instead of the configuration folder
    #[arg(long, value_name = "FILE")]
    trust_file: Option<PathBuf>,
    /// Staff number
    #[arg(long)]
    number: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Speak this WAV file (mono, 16 bit, 8, 16 or 48 kHz) in each call, then silence
    #[arg(long, value_name = "FILE")]
    mic: Option<PathBuf>,
    /// Speak the file again and again
    #[arg(long, requires = "mic")]
    mic_loop: bool,
    /// Write what is heard in calls to this WAV file
    #[arg(long, value_name = "FILE")]
    speaker: Option<PathBuf>,
    /// Microphone by its name; `default` is the system's choice. A headless client has none without this
    #[arg(long, value_name = "NAME", conflicts_with = "mic")]
    microphone_device: Option<String>,
    /// Loudspeaker by its name; likewise
    #[arg(long, value_name = "NAME", conflicts_with = "speaker")]
    loudspeaker_device: Option<String>,
    /// By what to speak: headset, or phone 座席电话; as it is set for this number if absent
    #[arg(long, value_name = "DEVICE", value_parser = voice_device)]
    voice: Option<VoiceDevice>,
    /// Answer each call
    #[arg(long, requires = "headless")]
    auto_answer: bool,
    /// Let it ring for so long before
    #[arg(long, value_name = "MS", requires = "auto_answer", default_value_t = 0)]
    answer_after_ms: u64,
    /// Be ready after the sign-in and after each call, without a wrap-up
    #[arg(long, requires = "headless")]
    auto_ready: bool,
    /// Hang up after so long a talk
    #[arg(long, value_name = "MS", requires = "headless")]
    hang_up_after_ms: Option<u64>,
    /// Sign out and exit after so many finished calls
    #[arg(long, value_name = "N", requires = "headless")]
    calls: Option<u64>,
    /// Where drafts and settings are kept, instead of the person's data folder; a headless client keeps none without this
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Begin with English screens
    #[arg(long, conflicts_with = "headless")]
    english: bool,
    /// Begin with dark screens
    #[arg(long, conflicts_with = "headless")]
    dark: bool,
    /// What to log to standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
}

impl Cli {
    /// What to start; reads the password.
    ///
    /// # Errors
    /// The password cannot be read; the text says from where.
    pub(crate) fn start(&self) -> anyhow::Result<Start> {
        let client = ClientOptions {
            ca_file: self.ca.clone(),
            trust_file: self.trust_file.clone(),
            sound: self.sound(),
            keeping: self.keeping(),
            headset_buttons: !self.headless,
        };
        Ok(Start { client, server: self.server.clone(), number: self.number.clone(), voice: self.voice, password: self.password()? })
    }

    /// What a headless client does by itself.
    pub(crate) fn script(&self) -> Script {
        Script {
            answer_after: self.auto_answer.then(|| Duration::from_millis(self.answer_after_ms)),
            ready: self.auto_ready,
            hang_up_after: self.hang_up_after_ms.map(Duration::from_millis),
            calls: self.calls,
            trust: self.trust.clone(),
            take_over: self.take_over,
        }
    }

    /// How the window begins.
    pub(crate) fn look(&self, settings: &Settings) -> (Language, Mode) {
        let english = self.english || settings.english == Some(true);
        let dark = self.dark || settings.dark == Some(true);
        (if english { Language::English } else { Language::Chinese }, if dark { Mode::Dark } else { Mode::Light })
    }

    /// Where drafts and settings are kept.
    pub(crate) fn keeping(&self) -> Keeping {
        if self.headless && self.data_dir.is_none() { Keeping::default() } else { Keeping::new(self.data_dir.clone()) }
    }

    fn sound(&self) -> SoundChoice {
        let microphone = match &self.mic {
            Some(path) => MicrophoneChoice::File { path: path.clone(), looped: self.mic_loop },
            None if self.headless && self.microphone_device.is_none() => MicrophoneChoice::Nothing,
            None => MicrophoneChoice::Device(chosen(&self.microphone_device)),
        };
        let loudspeaker = match &self.speaker {
            Some(path) => LoudspeakerChoice::File(path.clone()),
            None if self.headless && self.loudspeaker_device.is_none() => LoudspeakerChoice::Nothing,
            None => LoudspeakerChoice::Device(chosen(&self.loudspeaker_device)),
        };
        SoundChoice { microphone, loudspeaker }
    }

    fn password(&self) -> anyhow::Result<Option<Pii<String>>> {
        if let Some(path) = &self.password_file {
            let file = std::fs::File::open(path).with_context(|| format!("the password file {} cannot be read", path.display()))?;
            return first_line(std::io::BufReader::new(file)).with_context(|| format!("the password file {}", path.display())).map(Some);
        }
        if self.password_stdin {
            return first_line(std::io::stdin().lock()).context("the password on standard input").map(Some);
        }
        anyhow::ensure!(!self.headless, "--headless needs --password-stdin or --password-file");
        Ok(None)
    }
}

fn voice_device(word: &str) -> Result<VoiceDevice, &'static str> {
    match word {
        "headset" => Ok(VoiceDevice::Headset),
        "phone" => Ok(VoiceDevice::Phone),
        _ => Err("headset or phone"),
    }
}

/// `None` is the system's choice.
fn chosen(device: &Option<String>) -> Option<String> {
    device.clone().filter(|name| name != SYSTEMS_CHOICE)
}

fn first_line(mut from: impl BufRead) -> anyhow::Result<Pii<String>> {
    let mut line = String::new();
    std::io::Read::take(&mut from, MAX_PASSWORD_BYTES + 2).read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "is empty");
    anyhow::ensure!(password.len() as u64 <= MAX_PASSWORD_BYTES, "is longer than {MAX_PASSWORD_BYTES} bytes");
    Ok(Pii::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Cli, first_line};
    use crate::audio::{LoudspeakerChoice, MicrophoneChoice};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_headless_client_uses_files_or_nothing_and_a_device_only_when_told() {
        let cli = Cli::parse_from(["agent-desktop", "--headless", "--server", "h:1", "--number", "1001", "--mic", "a.wav"]);
        let sound = cli.sound();
        assert!(matches!(sound.microphone, MicrophoneChoice::File { looped: false, .. }));
        assert_eq!(sound.loudspeaker, LoudspeakerChoice::Nothing);
        let error = cli.start().map(|_| ()).expect_err("there is no password").to_string();
        assert!(error.contains("--password-file"), "{error}");
        assert_eq!(Cli::parse_from(["agent-desktop"]).sound().microphone, MicrophoneChoice::Device(None));
        let with = |device| {
            let start = ["agent-desktop", "--headless", "--server", "h:1", "--number", "1001", "--microphone-device", device];
            Cli::parse_from(start).sound().microphone
        };
        assert_eq!(with("default"), MicrophoneChoice::Device(None));
        assert_eq!(with("Jabra"), MicrophoneChoice::Device(Some("Jabra".to_owned())));
    }

    #[test]
    fn a_password_is_the_first_line_and_no_more() {
        assert_eq!(first_line(&b"geheim \r\nready\n"[..]).expect("a line").reveal(), "geheim ");
        assert!(first_line(&b"\nready\n"[..]).is_err());
        assert!(first_line(&[b'x'; 2_000][..]).is_err());
    }
}
