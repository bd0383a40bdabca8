//! Plays a journal back and tells what happened: `cargo xtask replay FILE`. Numbers and names are never printed.

use call_core::command::AgentCommand;
use call_core::journal::{JournalLine, Replay};
use call_core::ledger::{Decision, FactKind};
use call_core::{Command, Input, command::StoreCommand};
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

const USAGE: &str = "usage: replay FILE [--decisions] [--interaction N]
  FILE             a journal of the site's folder `journal`
  --decisions      only which agent was asked and why
  --interaction N  only what concerns this interaction";

struct Wish {
    file: String,
    decisions: bool,
    interaction: Option<u64>,
}

fn main() -> ExitCode {
    let told = read_arguments(std::env::args().skip(1)).and_then(|wish| replay(&wish));
    match told {
        Ok(0) => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("{faults} lines did not replay as they were recorded");
            ExitCode::FAILURE
        }
        Err(fault) => {
            eprintln!("{fault}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish { file: String::new(), decisions: false, interaction: None };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--decisions" => wish.decisions = true,
            "--interaction" => {
                let number = arguments.next().ok_or("--interaction wants a number")?;
                wish.interaction = Some(number.parse().map_err(|_| format!("{number} is no interaction"))?);
            }
            file if wish.file.is_empty() && !file.starts_with("--") => file.clone_into(&mut wish.file),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    if wish.file.is_empty() { Err("no file is named".to_owned()) } else { Ok(wish) }
}

/// Returns how many lines did not replay.
fn replay(wish: &Wish) -> Result<usize, String> {
    let file = std::fs::File::open(&wish.file).map_err(|error| format!("{} cannot be opened: {error}", wish.file))?;
    let (mut replay, mut faults) = (Replay::default(), 0);
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(|error| format!("{} cannot be read: {error}", wish.file))?;
        let line: JournalLine = match serde_json::from_str(&text) {
            Ok(line) => line,
            Err(error) => {
                println!("line {}: not a line of a journal (column {}): the end of a run that was cut?", number + 1, error.column());
                faults += 1;
                continue;
            }
        };
        let head = head(&line);
        match replay.play(line) {
            Ok(commands) => tell(wish, &head, &commands),
            Err(fault) => {
                println!("line {}: {head}\n    {fault}", number + 1);
                faults += 1;
            }
        }
    }
    Ok(faults)
}

fn head(line: &JournalLine) -> String {
    match line {
        JournalLine::Began { next, plan, .. } => {
            format!("began: {} queues, {} agents, next interaction {next}", plan.queues.len(), plan.agents.len())
        }
        JournalLine::Gap => "gap: inputs are missing".to_owned(),
        JournalLine::Handled { now, input, .. } => format!("{:>12.3} -> {}", now.time.0 as f64 / 1_000.0, input_in_words(input)),
    }
}

fn input_in_words(input: &Input) -> String {
    match input {
        Input::PlanChanged(_) => "PlanChanged".to_owned(),
        Input::ContactsKnown(past) => format!("ContactsKnown({})", past.len()),
        other => format!("{other:?}"),
    }
}

fn tell(wish: &Wish, head: &str, commands: &[Command]) {
    let lines: Vec<String> = commands.iter().filter_map(|command| in_words(wish, command)).collect();
    let all = wish.interaction.is_none() && !wish.decisions;
    if all || !lines.is_empty() {
        println!("{head}");
        lines.iter().for_each(|line| println!("{line}"));
    }
}

fn in_words(wish: &Wish, command: &Command) -> Option<String> {
    let mine = |interaction: u64| wish.interaction.is_none_or(|wanted| wanted == interaction);
    match command {
        Command::Store(StoreCommand::Note(fact)) if mine(fact.interaction.0) => match &fact.kind {
            FactKind::Decided(decision) => Some(format!("{:>12}    {} {}", "", fact.interaction, decision_in_words(decision))),
            _ if wish.decisions => None,
            kind => Some(format!("{:>12} <- {} {kind:?}", "", fact.interaction)),
        },
        _ if wish.decisions || wish.interaction.is_some() => None,
        Command::Agent(AgentCommand::Show { agent, desk, .. }) => Some(format!("{:>12} <- desk of {agent}: {:?}", "", desk.state)),
        Command::Agent(AgentCommand::Floor(change)) => Some(format!("{:>12} <- floor {}", "", change.version)),
        Command::Store(StoreCommand::Note(_)) => None,
        other => Some(format!("{:>12} <- {other:?}", "")),
    }
}

fn decision_in_words(decision: &Decision) -> String {
    let asked = decision.asked.map_or_else(|| "waits".to_owned(), |agent| format!("asks {agent}"));
    let free: Vec<String> = decision.candidates.iter().map(|one| format!("{} idle {} s", one.agent, one.idle_ms / 1_000)).collect();
    let others: Vec<String> = decision.passed_over.iter().map(|one| format!("{} {:?}", one.agent, one.why)).collect();
    let held = decision.held_for.map_or_else(String::new, |agent| format!(", held for {agent}"));
    format!(
        "{asked} in queue {} after {} ms{held}; free: {}; not asked: {}",
        decision.queue,
        decision.waited_ms,
        free.join(", "),
        others.join(", ")
    )
}
