//! A desk with a person at it: a display (Xvfb with a window manager), a sound server with a virtual headset, and the real window.

use crate::bus::Bus;
use crate::process::{Running, fresh_folder, program};
use crate::site::{Agent, Site};
use crate::{SOON, Server};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Size of the window in the tests.
pub const WINDOW: (u32, u32) = (1280, 800);

/// A point of the state's tile at the left of the call bar where its ground is always seen.
const STATE_TILE: (u32, u32) = (228, 60);

/// A display of our own, with a window manager, without which no window gets the keyboard.
#[derive(Debug)]
pub struct Display {
    name: String,
    _server: Running,
    _manager: Running,
}

impl Display {
    /// Starts both on a free display number.
    ///
    /// # Panics
    /// If Xvfb or openbox is missing or does not come up.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"]);
        let mut server = Running::start("Xvfb", &mut command, &folder.join("xvfb.log"));
        let number = server.wait_for("display number", SOON, |line| line.trim().parse::<u32>().ok());
        let name = format!(":{number}");
        let mut command = Command::new("openbox");
        command.env("DISPLAY", &name).args(["--sm-disable"]);
        let manager = Running::start("openbox", &mut command, &folder.join("openbox.log"));
        let this = Self { name, _server: server, _manager: manager };
        // A window that is mapped before the manager is there gets no focus.
        let until = std::time::Instant::now() + SOON;
        while !this.ask("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"]).is_some_and(|told| told.contains("window id")) {
            assert!(std::time::Instant::now() < until, "openbox did not come up; see {}", folder.join("openbox.log").display());
        }
        this
    }

    /// For `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs an X client to its end and returns what it printed; `None` if it failed.
    fn ask(&self, tool: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(tool).env("DISPLAY", &self.name).args(arguments).stderr(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{tool} cannot be started: {error}"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// An input method that is active from the first field on, as the X input method of this display.
    fn start_pinyin(&self, folder: &Path) -> Running {
        let settings = folder.join("fcitx5");
        std::fs::create_dir_all(&settings).unwrap_or_else(|error| panic!("{}: {error}", settings.display()));
        let profile = "[Groups/0]\nName=Default\nDefault Layout=us\nDefaultIM=pinyin\n\n[Groups/0/Items/0]\nName=keyboard-us\nLayout=\n\n\
                       [Groups/0/Items/1]\nName=pinyin\nLayout=\n\n[GroupOrder]\n0=Default\n";
        for (name, text) in [("profile", profile), ("config", "[Behavior]\nActiveByDefault=True\n")] {
            std::fs::write(settings.join(name), text).expect("the test folder can be written");
        }
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "fcitx5", "--replace", "--disable=cloudpinyin,wayland,waylandim,notificationitem,kimpanel"]);
        command.env("DISPLAY", &self.name).env("HOME", folder).env("XDG_CONFIG_HOME", folder).env("XDG_DATA_HOME", folder);
        command.env("XDG_RUNTIME_DIR", folder).env_remove("WAYLAND_DISPLAY").env("LANG", "C.UTF-8");
        let method = Running::start("fcitx5", &mut command, &folder.join("fcitx5.log"));
        let until = std::time::Instant::now() + SOON;
        while !self.ask("xprop", &["-root", "XIM_SERVERS"]).is_some_and(|told| told.contains("@server=fcitx")) {
            assert!(std::time::Instant::now() < until, "fcitx5 did not come up; see {}", folder.join("fcitx5.log").display());
        }
        method
    }

    /// The colour of one point of a window, as `#RRGGBB`.
    fn colour_within(&self, window: &str, (x, y): (u32, u32)) -> Option<String> {
        let point = format!("1x1+{x}+{y}");
        let text = self.ask("import", &["-window", window, "-crop", &point, "-depth", "8", "txt:-"])?;
        text.split_whitespace().find(|word| word.starts_with('#') && word.len() == 7).map(str::to_owned)
    }

    /// Saves what the display shows.
    ///
    /// # Panics
    /// If the picture cannot be taken.
    pub fn picture(&self, path: &Path) {
        let path = path.to_str().expect("test paths are UTF-8");
        assert!(self.ask("import", &["-window", "root", path]).is_some(), "no picture could be taken to {path}");
    }
}

/// A sound server with a headset that does not exist: what is played into the sink `mouth` comes out of the microphone, and what the
/// program plays can be taken from the sink `ear`.
#[derive(Debug)]
pub struct SoundServer {
    folder: PathBuf,
    server: Running,
}

impl SoundServer {
    /// Starts PulseAudio in `folder` and waits until it answers.
    ///
    /// # Panics
    /// If PulseAudio is missing or does not come up.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let alsa = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n";
        std::fs::write(folder.join("asound.conf"), alsa).expect("the test folder can be written");
        let this = Self { folder: folder.to_owned(), server: Self::serve(folder) };
        this.choose();
        this
    }

    fn serve(folder: &Path) -> Running {
        let socket = folder.join("pulse.sock");
        let mut command = Command::new("pulseaudio");
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit", "--log-target=stderr"]);
        command.arg("-L").arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
        for sink in ["ear", "mouth"] {
            command.arg("-L").arg(format!("module-null-sink sink_name={sink} rate=48000 channels=1"));
        }
        command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
        Running::start("pulseaudio", &mut command, &folder.join("pulseaudio.log"))
    }

    /// Waits until it answers, and makes the headset its default.
    fn choose(&self) {
        let until = std::time::Instant::now() + SOON;
        while !self.control(&["set-default-sink", "ear"]) {
            let log = self.folder.join("pulseaudio.log");
            assert!(std::time::Instant::now() < until, "pulseaudio did not come up; see {}", log.display());
        }
        assert!(self.control(&["set-default-source", "mouth.monitor"]), "the microphone cannot be chosen");
    }

    /// SIGKILL, at once; whoever plays or records through it loses its device.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it anew at the same place.
    pub fn restart(&mut self) {
        self.server = Self::serve(&self.folder);
        self.choose();
    }

    /// Gives programs that use `other` as their default device this headset too, under the name `headset`.
    ///
    /// # Panics
    /// If that one's folder cannot be written.
    pub fn lend_to(&self, other: &Self) {
        let path = other.folder.join("asound.conf");
        let alsa = format!(
            "</usr/share/alsa/alsa.conf>\npcm.!default {{ type pulse server \"{}\" }}\nctl.!default {{ type pulse }}\n\
             pcm.headset {{ type pulse server \"{}\" hint {{ show on description \"headset\" }} }}\n",
            other.socket(),
            self.socket()
        );
        std::fs::write(path, alsa).expect("the test folder can be written");
    }

    /// Whether a program plays or records just now.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn is_used(&self) -> bool {
        ["sink-inputs", "source-outputs"].iter().any(|streams| {
            let told = Command::new("pactl").env("PULSE_SERVER", self.socket()).args(["list", "short", streams]).output();
            let told = told.unwrap_or_else(|error| panic!("pactl cannot be started: {error}"));
            assert!(told.status.success(), "the sound server does not answer");
            !told.stdout.is_empty()
        })
    }

    fn socket(&self) -> String {
        format!("unix:{}", self.folder.join("pulse.sock").display())
    }

    fn control(&self, arguments: &[&str]) -> bool {
        let status =
            Command::new("pactl").env("PULSE_SERVER", self.socket()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.unwrap_or_else(|error| panic!("pactl cannot be started: {error}")).success()
    }

    /// Makes a program use this headset as its default sound device.
    pub fn plug_into(&self, command: &mut Command) {
        command.env("PULSE_SERVER", self.socket()).env("ALSA_CONFIG_PATH", self.folder.join("asound.conf"));
    }

    /// Speaks a WAV file into the microphone, in the background.
    ///
    /// # Panics
    /// If paplay cannot be started.
    #[must_use]
    pub fn speak(&self, wav: &Path) -> Sound {
        let mut command = Command::new("paplay");
        command.env("PULSE_SERVER", self.socket()).arg("--device=mouth").arg(wav);
        Sound::start(&mut command)
    }

    /// Records what the program plays, as 8 kHz mono PCM16 without a header, until the returned value is dropped.
    ///
    /// # Panics
    /// If parec cannot be started.
    #[must_use]
    pub fn listen(&self, raw: &Path) -> Sound {
        let file = std::fs::File::create(raw).unwrap_or_else(|error| panic!("{}: {error}", raw.display()));
        let mut command = Command::new("parec");
        command
            .env("PULSE_SERVER", self.socket())
            .args(["--device=ear.monitor", "--format=s16le", "--rate=8000", "--channels=1"])
            .stdout(file);
        Sound::start(&mut command)
    }
}

/// A program that plays or records; ended when dropped.
#[derive(Debug)]
pub struct Sound(Child);

impl Sound {
    fn start(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program())),
        )
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real window.
#[derive(Debug)]
pub struct Window {
    display: Display,
    running: Running,
    id: String,
    _input_method: Option<Running>,
    /// Pictures and logs.
    pub folder: PathBuf,
}

impl Window {
    /// Opens the desktop for `agent` on a display of its own and waits until it is on the screen.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn open(name: &str, site: &Site, server: &Server, agent: &Agent, sound: &SoundServer) -> Self {
        let folder = fresh_folder(name);
        let display = Display::start(&folder);
        Self::open_on(display, None, folder, None, (site, server, agent, sound))
    }

    /// The same on a session bus, with notifications and a tray.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn open_on_bus(name: &str, bus: &Bus, site: &Site, server: &Server, agent: &Agent, sound: &SoundServer) -> Self {
        let folder = fresh_folder(name);
        let display = Display::start(&folder);
        Self::open_on(display, None, folder, Some(bus), (site, server, agent, sound))
    }

    /// The same beside fcitx5, which makes hanzi of whatever is typed in pinyin.
    ///
    /// # Panics
    /// If it does not come up, or fcitx5 is missing.
    #[must_use]
    pub fn open_with_pinyin(name: &str, site: &Site, server: &Server, agent: &Agent, sound: &SoundServer) -> Self {
        let folder = fresh_folder(name);
        let display = Display::start(&folder);
        let method = display.start_pinyin(&folder);
        Self::open_on(display, Some(method), folder, None, (site, server, agent, sound))
    }

    fn open_on(
        display: Display,
        input_method: Option<Running>,
        folder: PathBuf,
        bus: Option<&Bus>,
        (site, server, agent, sound): (&Site, &Server, &Agent, &SoundServer),
    ) -> Self {
        let mut command = Command::new(program("agent-desktop"));
        command.args(["--server", &server.gateway.to_string(), "--number", &agent.number, "--password-stdin"]);
        command.arg("--ca").arg(&site.ca).env("DISPLAY", &display.name).env("XDG_CONFIG_HOME", &folder);
        command.arg("--data-dir").arg(Self::data(site));
        command.envs(input_method.as_ref().map(|_| ("XMODIFIERS", "@im=fcitx")));
        sound.plug_into(&mut command);
        // The bus of whoever runs the test is nobody's business.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        if let Some(bus) = bus {
            bus.connect(&mut command);
        }
        let mut running = Running::start("agent-desktop", &mut command, &folder.join("desktop.log"));
        running.tell(&agent.password);
        running.event("window_ready", crate::LATER);
        let until = std::time::Instant::now() + crate::LATER;
        let id = loop {
            let found = display.ask("xdotool", &["search", "--onlyvisible", "--class", "hotline-agent"]);
            match found.as_deref().and_then(|ids| ids.lines().last()) {
                Some(id) => break id.to_owned(),
                None if std::time::Instant::now() < until => {}
                None => {
                    display.picture(&folder.join("no-window.png"));
                    panic!("no window appeared; {} has what did.\n{}", folder.display(), running.story());
                }
            }
        };
        let (width, height) = (WINDOW.0.to_string(), WINDOW.1.to_string());
        display.ask("xdotool", &["windowsize", "--sync", &id, &width, &height]);
        display.ask("xdotool", &["windowmove", &id, "0", "0"]);
        display.ask("xdotool", &["windowactivate", "--sync", &id]);
        Self { display, running, id, _input_method: input_method, folder }
    }

    /// Where the program keeps drafts and settings; the same for each window of one site, as on one computer.
    #[must_use]
    pub fn data(site: &Site) -> PathBuf {
        site.folder().join("desk-data")
    }

    /// The program's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// SIGKILL, as a crash ends it.
    pub fn crash(mut self) {
        self.running.kill();
    }

    /// Types a text of ASCII where the keyboard is.
    pub fn type_text(&self, text: &str) {
        self.display.ask("xdotool", &["type", "--delay", "25", text]);
    }

    /// Passes the sound test and goes ready: asks until `is_ready`, because the sound card opens by itself.
    ///
    /// # Panics
    /// If it does not become ready in time.
    pub fn go_ready(&self, is_ready: impl Fn() -> bool) {
        self.press("F11");
        let until = std::time::Instant::now() + crate::LATER;
        while !is_ready() {
            assert!(std::time::Instant::now() < until, "never ready.\n{}", self.running.story());
            // Without a sheet it means nothing.
            self.press("Return");
        }
    }

    /// Presses a key, such as `F2`.
    pub fn press(&self, key: &str) {
        self.display.ask("xdotool", &["windowactivate", "--sync", &self.id]);
        self.display.ask("xdotool", &["key", key]);
    }

    /// Presses a key in whatever program has the keyboard, which is none of ours once the window is put away.
    pub fn press_anywhere(&self, key: &str) {
        self.display.ask("xdotool", &["key", key]);
    }

    /// Puts it away into the task bar, and waits until it is off the screen.
    ///
    /// # Panics
    /// If it stays.
    pub fn put_away(&self) {
        self.display.ask("xdotool", &["windowminimize", &self.id]);
        self.await_shown("the window off the screen", |shown| !shown.contains(&self.id));
    }

    /// Closes it, as the button in its corner does.
    ///
    /// # Panics
    /// If it stays.
    pub fn close(&self) {
        self.press("alt+F4");
        self.await_shown("the window off the screen", |shown| !shown.contains(&self.id));
    }

    /// Waits until it is on the screen.
    ///
    /// # Panics
    /// If it does not come.
    pub fn is_back(&self) {
        self.await_shown("the window on the screen", |shown| shown.contains(&self.id));
    }

    /// Waits for a second window that stays above others, and returns its size.
    ///
    /// # Panics
    /// If none comes.
    #[must_use]
    pub fn small_window(&self) -> (u32, u32) {
        let small = self.await_shown("a second window", |shown| shown.iter().any(|id| *id != self.id));
        let small = small.into_iter().find(|id| *id != self.id).expect("it was seen");
        let until = std::time::Instant::now() + SOON;
        while !self.display.ask("xprop", &["-id", &small, "_NET_WM_STATE"]).is_some_and(|state| state.contains("_NET_WM_STATE_ABOVE")) {
            assert!(std::time::Instant::now() < until, "the second window is not above others");
        }
        let size = self.display.ask("xdotool", &["getwindowgeometry", "--shell", &small]).unwrap_or_default();
        let of = |name: &str| size.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap_or(0);
        (of("WIDTH="), of("HEIGHT="))
    }

    /// Waits until there is no second window.
    ///
    /// # Panics
    /// If it stays.
    pub fn small_window_is_gone(&self) {
        self.await_shown("no second window", |shown| shown.iter().all(|id| *id == self.id));
    }

    fn await_shown(&self, what: &str, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
        let until = std::time::Instant::now() + SOON;
        loop {
            let ids = self.display.ask("xdotool", &["search", "--onlyvisible", "--class", "hotline-agent"]).unwrap_or_default();
            let shown: Vec<String> = ids.lines().map(str::to_owned).collect();
            if fits(&shown) {
                return shown;
            }
            if std::time::Instant::now() >= until {
                let picture = self.picture("unexpected");
                panic!("not {what}, but {shown:?}; see {}.\n{}", picture.display(), self.running.story());
            }
        }
    }

    /// Clicks at a place within the window.
    pub fn click(&self, x: u32, y: u32) {
        self.display.ask("xdotool", &["mousemove", "--sync", "--window", &self.id, &x.to_string(), &y.to_string()]);
        self.display.ask("xdotool", &["click", "1"]);
    }

    /// Waits until the state at the left of the call bar is painted in this colour, such as `#FDF0D8`: the window shows it, not only
    /// the server.
    ///
    /// # Panics
    /// If it does not come; the message gives the colour that was there.
    pub fn shows_state_in(&self, colour: &str) {
        self.shows_at(STATE_TILE, colour);
    }

    /// Waits until a point within the window is painted in this colour.
    ///
    /// # Panics
    /// If it does not come; the message gives the colour that was there.
    pub fn shows_at(&self, point: (u32, u32), colour: &str) {
        self.await_colour(point, &format!("in {colour}"), |painted| painted.eq_ignore_ascii_case(colour));
    }

    /// Waits until a sheet lies over the desk and darkens the state's tile, whose colour was this.
    ///
    /// # Panics
    /// If it does not come.
    pub fn shows_sheet_over(&self, colour: &str) {
        self.await_colour(STATE_TILE, &format!("darker than {colour}"), |painted| !painted.eq_ignore_ascii_case(colour));
    }

    fn await_colour(&self, point: (u32, u32), what: &str, fits: impl Fn(&str) -> bool) {
        let until = std::time::Instant::now() + SOON;
        loop {
            let painted = self.display.colour_within(&self.id, point);
            if painted.as_deref().is_some_and(&fits) {
                return;
            }
            if std::time::Instant::now() >= until {
                let picture = self.picture("unexpected");
                panic!("{point:?} is {painted:?}, not {what}; see {}.\n{}", picture.display(), self.running.story());
            }
        }
    }

    /// Saves what the display shows as `NAME.png` among the test's files and returns the path.
    pub fn picture(&self, name: &str) -> PathBuf {
        let path = self.folder.join(format!("{name}.png"));
        self.display.picture(&path);
        path
    }

    /// What the program has said, for the text of an assertion.
    #[must_use]
    pub fn story(&self) -> String {
        self.running.story()
    }
}
