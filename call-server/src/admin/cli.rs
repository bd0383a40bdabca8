//! The words of the command line and their help.

mod calendar;
mod callbacks;
mod callers;
mod lists;
mod papers;
mod staff;

pub(crate) use calendar::{AddOverride, Calendar, Override};
pub(crate) use callbacks::{Callback, CallbackWish, ListCallbacks};
pub(crate) use callers::{AddCaller, Caller, EditCaller};
pub(crate) use lists::{AddBlock, AddVip, Block, BlockLevelName, EntryWishes, ListWishes, RemoveEntry, Vip};
pub(crate) use papers::{CloseMatter, Matter, MatterScope, Summary, Survey, Unit};
pub(crate) use staff::{EditAgent, Explain, Queue};

use super::cli_phones::Phone;
use super::cli_trunks::{Route, Trunk};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  call-server init --demo /srv/hotline        make a site to try things out
  call-server --site /srv/hotline run         run it until Ctrl-C
  call-server --site /srv/hotline probe 12345 call it and listen
  call-server --site /srv/hotline status      what it is doing now

Exit codes: 0 done, 1 refused or failed, 2 the command line cannot be understood.";

/// The call server of a 12345 hotline.
#[derive(Debug, Parser)]
#[command(name = "call-server", version, about, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The site's folder, with hotline.toml in it.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) site: PathBuf,
    /// Print one JSON object on standard output, also for errors.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as "info,call_server::gateway=debug".
    /// The variable HOTLINE_LOG does the same.
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Log as JSON, one object per line.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// What is logged if nobody says otherwise: a server tells what it does, a command only what went wrong.
    pub(crate) fn usual_log(&self) -> &'static str {
        if matches!(self.command, Command::Run) { "info" } else { "warn" }
    }
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new site: configuration, certificates, database.
    Init(Init),
    /// Run the server until it is told to stop (Ctrl-C or SIGTERM).
    Run,
    /// Make the running server read hotline.toml again: queues, skills, numbers, lists and limits. Nobody who waits, talks or is
    /// signed in is dropped. What needs a restart is named.
    Reload,
    /// What the running server is doing.
    Status,
    /// Call a number of the running server as a test call, listen, and say what was heard. It rings nobody and counts nowhere.
    Probe(Probe),
    /// People who sign in.
    #[command(subcommand)]
    Agent(Agent),
    /// Citizens known by their number.
    #[command(subcommand)]
    Caller(Caller),
    /// Citizens who have given up the line and not the place, and are called back 排队回呼.
    #[command(subcommand)]
    Callback(Callback),
    /// Numbers whose calls are refused or wait behind others 拦截.
    #[command(subcommand)]
    Block(Block),
    /// Numbers whose calls go before others: VIP and special care 特殊人群.
    #[command(subcommand)]
    Vip(Vip),
    /// When numbers and queues are open.
    #[command(subcommand)]
    Calendar(Calendar),
    /// Waiting lines.
    #[command(subcommand)]
    Queue(Queue),
    /// Why a call got this agent, and why it waited: every decision with its candidates, figures and exclusions.
    Explain(Explain),
    /// Member units 成员单位 and their phones.
    #[command(subcommand)]
    Unit(Unit),
    /// What agents wrote about calls 小结.
    #[command(subcommand)]
    Summary(Summary),
    /// What citizens answered in surveys 满意度调查.
    #[command(subcommand)]
    Survey(Survey),
    /// Matters that were sent to units 派单.
    #[command(subcommand)]
    Matter(Matter),
    /// Calls on record.
    #[command(subcommand)]
    Call(Call),
    /// Messages between agents, for the audit.
    #[command(subcommand)]
    Message(Message),
    /// Recordings.
    #[command(subcommand)]
    Recording(Recording),
    /// Phones of the house.
    #[command(subcommand)]
    Phone(Phone),
    /// Lines to carriers.
    #[command(subcommand)]
    Trunk(Trunk),
    /// Paths of calls.
    #[command(subcommand)]
    Route(Route),
    /// Signalling.
    #[command(subcommand)]
    Sip(Sip),
    /// The configuration.
    #[command(subcommand)]
    Config(Config),
}

/// Wishes for a new site.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder of the new site; made if missing [default: the folder of --site].
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// A site to try things out on this host alone: agents 1001 to 1012, supervisor 2001, number 12345, five known callers.
    /// The passwords are random and shown once.
    #[arg(long)]
    pub(crate) demo: bool,
    /// UDP address for the carrier's SIP [default: 0.0.0.0:5060; demo 127.0.0.1:5060].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) sip_listen: Option<SocketAddr>,
    /// TCP address for desktops [default: 0.0.0.0:8443; demo 127.0.0.1:8443].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) gateway_listen: Option<SocketAddr>,
    /// UDP ports for the carrier's voice [default: 20000-29999].
    #[arg(long, value_name = "FIRST-LAST")]
    pub(crate) media_ports: Option<String>,
    /// UDP address for all desktops' voice [default: 0.0.0.0:30000; demo 127.0.0.1:30000].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) agent_media_listen: Option<SocketAddr>,
    /// A name or IP address by which desktops reach this host; stands in the certificate. May be given several times; the first
    /// IP address is also the one told to the carrier.
    #[arg(long, value_name = "NAME_OR_IP")]
    pub(crate) host: Vec<String>,
}

/// Wishes for a test call.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// The number to dial.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// How long to listen after the answer.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) seconds: u32,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// 话务员: takes calls.
    Agent,
    /// 督办: watches over agents.
    Supervisor,
}

/// Commands about people who sign in.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Add a person. Without --password-stdin a random password is made and shown once; the person must change it at the first sign-in.
    #[command(after_help = "Example:\n  call-server agent add 1013 --name 陈静 --queue 1")]
    Add(AddAgent),
    /// Everybody who may sign in.
    List,
    /// Change a person's name, role, queues or skills. A running server applies it at once; nobody loses a call or a place.
    #[command(
        after_help = "Examples:\n  call-server agent edit 1001 --serve 2,tier=2 --skill 溧阳方言=7\n  call-server agent edit 1001 --leave 1"
    )]
    Edit(EditAgent),
    /// Let a person sign in no longer. Who is signed in keeps the present session until it ends.
    Disable {
        /// Staff number 工号.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
    /// Let a disabled person sign in again.
    Enable {
        /// Staff number 工号.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
    /// Lift the lock after too many wrong passwords, at every address. The server must run: it alone knows the lock.
    Unlock {
        /// Staff number 工号.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
    /// The newest attempts to sign in, and how long each session lasted.
    SignIns {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// The newest acts of supervisors: who, what, whom, which call, and why.
    Supervision {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Give a person a new password. Without --password-stdin it is random and shown once; the person must change it.
    Passwd {
        /// Staff number 工号.
        #[arg(value_name = "NUMBER")]
        number: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Whether the person must change it [default: a random one yes, a given one no].
        #[arg(long, value_name = "BOOL")]
        must_change: Option<bool>,
    },
}

/// A person to be added.
#[derive(Debug, Args)]
pub(crate) struct AddAgent {
    /// Staff number 工号: letters and digits.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// The person's name.
    #[arg(long)]
    pub(crate) name: String,
    /// What the person may do.
    #[arg(long, value_enum, default_value = "agent")]
    pub(crate) role: RoleName,
    /// Id of a queue to serve; may be given several times [default: an agent serves every queue, a supervisor none].
    #[arg(long, value_name = "ID")]
    pub(crate) queue: Vec<u32>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Whether the person must change it [default: a random one yes, a given one no].
    #[arg(long, value_name = "BOOL")]
    pub(crate) must_change: Option<bool>,
}

/// Commands about calls on record.
#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// The newest calls, newest first.
    List {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// One call with everything that happened in it.
    Show {
        /// The call's id, as `call list` shows it.
        #[arg(value_name = "ID")]
        id: u64,
    },
    /// The SIP messages of one call as a ladder; the running server keeps those of the newest calls. Credentials and keys are not shown.
    #[command(after_help = "Examples:\n  call-server call trace 17\n  call-server call trace 17 --full")]
    Trace {
        /// The call's id, as `call list` shows it.
        #[arg(value_name = "ID")]
        id: u64,
        /// Print each message whole.
        #[arg(long)]
        full: bool,
    },
}

/// Commands about recordings.
#[derive(Debug, Subcommand)]
pub(crate) enum Recording {
    /// The newest recordings, newest first.
    List {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Write a recording as a stereo WAV file: the citizen left, the agent right.
    Export {
        /// The recording's id, as `recording list` shows it; a call's main recording has the call's number.
        #[arg(value_name = "ID")]
        id: u64,
        /// Another recording of the call with this number: what supervisors whispered, or a consultation beside a three-way talk.
        #[arg(long, value_enum, default_value_t = TrackName::Main)]
        track: TrackName,
        /// The file to write.
        #[arg(value_name = "FILE.wav")]
        file: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
        /// Write only what comes after this time.
        #[arg(long, value_name = "MS", default_value_t = 0)]
        from_ms: u64,
        /// Write only as much as this.
        #[arg(long, value_name = "MS")]
        length_ms: Option<u64>,
    },
    /// Prove that recordings are as they were written: every byte, their end, their row, and the days that bind them together.
    /// Exit code 1 if anything is wrong.
    #[command(
        after_help = "Examples:\n  call-server recording verify 17\n  call-server recording verify --day 2026-11-23\n  call-server recording verify --all --json"
    )]
    Verify(Verify),
    /// Rescue what can be heard from a damaged file, or one that no row names, with the site's key. What is lost is silence.
    Salvage {
        /// The file, such as recordings/0/17.rec.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The file to write.
        #[arg(value_name = "OUT.wav")]
        wav: PathBuf,
        /// Replace OUT.wav if it exists.
        #[arg(long)]
        force: bool,
    },
    /// What happened where in the recording of a call: hold, hand-over, three-way talk, whisper, pause.
    Marks {
        /// The call's id, as `call list` shows it.
        #[arg(value_name = "CALL")]
        call: u64,
    },
    /// Hold the recordings of a call as evidence 证据保全: no rule deletes or changes them. Emergency calls are held by themselves.
    #[command(after_help = "Example:\n  call-server recording hold 17 --reason 投诉复核 --by 2001")]
    Hold(HoldWishes),
    /// Lift every hold of a call's recordings. It stays on record with who lifted it and why.
    Lift(HoldWishes),
    /// Make a new master key: for a site that has none, or to replace the one in use. All recordings are wrapped by it; no audio is
    /// written anew. Older keys stay in the key file for the sake of backups. The server must not run.
    NewKey,
}

/// One of a call's recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrackName {
    /// Citizen and agents.
    Main,
    /// What supervisors whispered.
    Whisper,
    /// A consultation while others went on with the citizen.
    Consultation,
}

/// Whose recordings to hold, or to let go.
#[derive(Debug, Args)]
pub(crate) struct HoldWishes {
    /// The call's id, as `call list` shows it.
    #[arg(value_name = "CALL")]
    pub(crate) call: u64,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Staff number of the supervisor who wants it.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) by: String,
}

/// What to verify.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Verify {
    /// The recording's id, as `recording list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    /// Every recording and every closed day.
    #[arg(long)]
    pub(crate) all: bool,
    /// A closed day (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) day: Option<String>,
}

/// Commands about messages between agents 短消息.
#[derive(Debug, Subcommand)]
pub(crate) enum Message {
    /// The newest messages, newest first.
    List(MessageWishes),
    /// The newest messages that say something.
    #[command(after_help = "Examples:\n  call-server message search 停水\n  call-server message search 停水 --agent 1001")]
    Search {
        /// What they say; upper and lower case differ.
        #[arg(value_name = "TEXT")]
        text: String,
        /// Which of them.
        #[command(flatten)]
        wishes: MessageWishes,
    },
}

/// Which messages to show.
#[derive(Debug, Args)]
pub(crate) struct MessageWishes {
    /// Only those that this staff number has sent or got.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) agent: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

/// Commands about signalling.
#[derive(Debug, Subcommand)]
pub(crate) enum Sip {
    /// Where a SIP URI leads: every transport and address, in the order in which the server would try them (RFC 3263).
    #[command(
        after_help = "Examples:\n  call-server sip locate sip:carrier.example\n  call-server sip locate \"sip:carrier.example;transport=tcp\""
    )]
    Locate {
        /// A sip: or sips: URI.
        #[arg(value_name = "URI")]
        uri: String,
    },
    /// Sources that are ignored for a time because they behave like scanners: known by their User-Agent, or asking again and again.
    Banned,
    /// Ignore a source no longer; its count begins anew.
    #[command(after_help = "Example:\n  call-server sip unban 198.51.100.7")]
    Unban {
        /// An address of it; for IPv6 any address of its network.
        #[arg(value_name = "ADDRESS")]
        address: std::net::IpAddr,
    },
}

/// Commands about the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Config {
    /// List every fault of hotline.toml with its line and its remedy, or say that there is none and show the limits.
    Check,
    /// Print a commented example with every key.
    Example,
}
