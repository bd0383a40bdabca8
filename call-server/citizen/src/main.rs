//! `citizen call`: one call from the command line. Exit code: 0 as planned, 1 could not be tried, 2 wrong arguments, 3 refused,
//! 4 no response, 5 broken off.

use citizen::{Act, Attack, AttackPlan, CallPlan, CallReport, Credentials, Ending, Fault, Limits, Outcome, RegisterPlan, Speech};
use clap::{Args, Parser, Subcommand};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A citizen with a telephone: makes one SIP call with real voice and reports what came of it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a call.
    Call(CallArguments),
    /// Registers a phone, or with --expires 0 takes that back. Exit code: 0 registered, 3 refused, 4 no answer.
    Register(RegisterArguments),
    /// Attacks a server of one's own, to see that it costs nobody else: a flood of requests, or connections that are held.
    Attack(AttackArguments),
}

#[derive(Args)]
struct AttackArguments {
    /// flood (--count requests a second over UDP), never-reads, slow-bytes or half-open (--count TCP connections).
    kind: Attack,
    /// SIP address of the server, such as 127.0.0.1:5060.
    #[arg(long)]
    server: SocketAddr,
    /// Requests a second, or connections.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    count: u32,
    /// For how long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Own address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Print the outcome as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct RegisterArguments {
    /// SIP address of the registrar (UDP), such as 127.0.0.1:5060.
    #[arg(long)]
    server: SocketAddr,
    /// User name of the phone.
    #[arg(long)]
    user: String,
    /// Its secret.
    #[arg(long)]
    secret: String,
    /// How long the registration is wanted, in seconds.
    #[arg(long, default_value_t = 3_600)]
    expires: u32,
    /// Own address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// How long an answer is waited for.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    limit_ms: u64,
    /// Print the outcome as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct CallArguments {
    /// SIP address of the call server (UDP), such as 127.0.0.1:5060.
    #[arg(long)]
    server: SocketAddr,
    /// Number to dial.
    #[arg(long)]
    to: String,
    /// Calling number.
    #[arg(long, default_value = "13912345678", conflicts_with = "anonymous")]
    from: String,
    /// Withhold the calling number.
    #[arg(long)]
    anonymous: bool,
    /// Own address for SIP and voice.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// What to say: WAV file, 8 kHz, mono, 16 bit. Without it: silence.
    #[arg(long)]
    speak: Option<PathBuf>,
    /// Say it again and again instead of once.
    #[arg(long, requires = "speak")]
    again: bool,
    /// Write what was heard to this WAV file.
    #[arg(long)]
    record: Option<PathBuf>,
    /// User name, if the far end asks for proof.
    #[arg(long, requires = "secret")]
    user: Option<String>,
    /// The secret of that user.
    #[arg(long, requires = "user")]
    secret: Option<String>,
    /// Something to do in the call, MS after the answer: hold, resume, refresh, press=KEYS, info=KEYS, refer=URI. May stand several times.
    #[arg(long = "act", value_name = "MS:DEED")]
    acts: Vec<Act>,
    /// Misbehave on purpose: no-ack, late-ack, double-bye, bye-before-answer, garbage, wrong-branch, storm, changed-tag, old-sequence,
    /// late-cancel, vanish, wrong-length, endless-length, quoted-uri, broken-offer, unknown-extension. See also `citizen attack`.
    #[arg(long)]
    fault: Option<Fault>,
    /// Hang up this long after the answer.
    #[arg(long, value_name = "MS", conflicts_with_all = ["until_far_end", "cancel_after_ms"])]
    hang_up_after_ms: Option<u64>,
    /// Wait for the far end to hang up (this is the default).
    #[arg(long)]
    until_far_end: bool,
    /// Give up this long after dialling if nobody has answered.
    #[arg(long, value_name = "MS", conflicts_with = "until_far_end")]
    cancel_after_ms: Option<u64>,
    /// Never wait longer than this for an answer.
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    answer_limit_ms: u64,
    /// Never talk longer than this.
    #[arg(long, value_name = "MS", default_value_t = 3_600_000)]
    talk_limit_ms: u64,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
}

impl CallArguments {
    fn plan(&self) -> Result<CallPlan, citizen::CitizenError> {
        let speech = match &self.speak {
            None => Speech::Silence,
            Some(path) if self.again => Speech::Looped(citizen::read_wav(path)?.into()),
            Some(path) => Speech::Once(citizen::read_wav(path)?.into()),
        };
        let ending = match (self.hang_up_after_ms, self.cancel_after_ms) {
            (Some(after), _) => Ending::HangUpAfter(Duration::from_millis(after)),
            (None, Some(after)) => Ending::CancelAfter(Duration::from_millis(after)),
            (None, None) => Ending::FarEnd,
        };
        let limits = Limits { answer: Duration::from_millis(self.answer_limit_ms), talk: Duration::from_millis(self.talk_limit_ms) };
        let from = (!self.anonymous).then(|| self.from.clone());
        Ok(CallPlan {
            server: self.server,
            bind: self.bind,
            from,
            to: self.to.clone(),
            speech,
            played: false,
            record: self.record.clone(),
            credentials: self.user.clone().zip(self.secret.clone()).map(|(user, secret)| Credentials { user, secret }),
            acts: self.acts.clone(),
            fault: self.fault,
            ending,
            limits,
        })
    }
}

fn main() -> ExitCode {
    let arguments = match Cli::parse().command {
        Command::Call(arguments) => arguments,
        Command::Register(arguments) => return register(arguments),
        Command::Attack(arguments) => return attack(&arguments),
    };
    match run(&arguments) {
        Ok(report) => {
            print(&report, arguments.json);
            exit_code(report.outcome)
        }
        Err(error) => {
            eprintln!("citizen: {error}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &CallArguments) -> Result<CallReport, Box<dyn std::error::Error>> {
    let plan = arguments.plan()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hang_up = async {
        // Without a signal handler Ctrl-C simply kills the process, which is what it does anyway.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(runtime.block_on(citizen::call_until(plan, hang_up))?)
}

fn register(arguments: RegisterArguments) -> ExitCode {
    let RegisterArguments { server, user, secret, expires, bind, limit_ms, json } = arguments;
    let limit = Duration::from_millis(limit_ms);
    let plan = RegisterPlan { server, bind, credentials: Credentials { user, secret }, expires_s: expires, limit };
    let told = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(citizen::register_once(&plan)).map_err(|error| error.to_string()));
    let registration = match told {
        Ok(registration) => registration,
        Err(error) => {
            eprintln!("citizen: {error}");
            return ExitCode::from(1);
        }
    };
    let text = serde_json::to_string(&registration).expect("a registration has string keys and plain values");
    match registration.status {
        _ if json => println!("{text}"),
        Some(status) => println!("status {status}, granted {} s for {}", registration.expires_s.unwrap_or(0), registration.contact),
        None => println!("no answer from {server}"),
    }
    ExitCode::from(match registration.status {
        Some(200..300) => 0,
        Some(_) => 3,
        None => 4,
    })
}

fn attack(arguments: &AttackArguments) -> ExitCode {
    let AttackArguments { kind, server, count, seconds, bind, json } = *arguments;
    let plan = AttackPlan { server, bind, attack: kind, count, length: Duration::from_secs(seconds.into()) };
    let told = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(citizen::attack(&plan)).map_err(|error| error.to_string()));
    match told {
        Ok(report) if json => println!("{}", serde_json::to_string(&report).expect("a report has string keys and plain values")),
        Ok(report) => println!(
            "{} requests, {} answers, {} connections, {} of them closed by the server",
            report.requests, report.answers, report.connections, report.closed
        ),
        Err(error) => {
            eprintln!("citizen: {error}");
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

fn exit_code(outcome: Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Answered | Outcome::Cancelled => 0,
        Outcome::Refused => 3,
        Outcome::NoResponse => 4,
        Outcome::Broken => 5,
    })
}

fn print(report: &CallReport, json: bool) {
    let text = serde_json::to_string(report).expect("a report has string keys and plain values");
    if json {
        println!("{text}");
        return;
    }
    let show = |name: &str, value: Option<u64>| value.map_or(String::new(), |value| format!(", {name} {value} ms"));
    println!(
        "{:?}{}{}{}{}{}",
        report.outcome,
        report.status.map_or(String::new(), |status| format!(" ({status})")),
        show("ringing after", report.ringing_ms),
        show("answered after", report.answered_ms),
        show("talk", report.talk_ms),
        report.ended_by.map_or(String::new(), |by| format!(", ended by {by:?}")),
    );
    for done in &report.done {
        println!("{}: {}", done.deed, done.status.map_or("sent".to_owned(), |status| status.to_string()));
    }
    let level = report.heard_dbfs.map_or("silence".to_owned(), |level| format!("{level:.1} dBFS"));
    println!("sent {} packets, received {} packets, heard {level}", report.packets_sent, report.packets_received);
}
