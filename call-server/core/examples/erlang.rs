//! The production core against queueing theory: under Poisson arrivals and exponential service it must wait as Erlang C says, and with
//! impatient citizens as Erlang A says. `cargo xtask sim erlang`.
//!
//! Each row is a number of independent days; the 99 % confidence interval of their means must hold the theoretical value.

#[path = "../tests/erlang/day.rs"]
mod day;
#[path = "../tests/erlang/theory.rs"]
mod theory;

use day::Day;
use std::process::ExitCode;
use theory::{Compared, Figures, LEVEL_S, Situation, compare};

/// Independent days of each row.
const DAYS: u64 = 20;

/// The two rows of requirement T7, light and heavy load, and impatience in an overloaded centre.
const SITUATIONS: [Situation; 7] = [
    Situation { agents: 5, calls_per_hour: 19.0, service_s: 360.0, patience_s: None, calls: 20_000 },
    Situation { agents: 4, calls_per_hour: 19.0, service_s: 360.0, patience_s: None, calls: 20_000 },
    Situation { agents: 10, calls_per_hour: 160.0, service_s: 180.0, patience_s: None, calls: 30_000 },
    Situation { agents: 50, calls_per_hour: 900.0, service_s: 180.0, patience_s: None, calls: 60_000 },
    Situation { agents: 10, calls_per_hour: 160.0, service_s: 180.0, patience_s: Some(120.0), calls: 20_000 },
    Situation { agents: 10, calls_per_hour: 240.0, service_s: 180.0, patience_s: Some(120.0), calls: 20_000 },
    Situation { agents: 50, calls_per_hour: 1_000.0, service_s: 180.0, patience_s: Some(60.0), calls: 30_000 },
];

fn main() -> ExitCode {
    let mut json = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            other => {
                eprintln!("unknown argument {other}\nusage: erlang [--json]");
                return ExitCode::from(2);
            }
        }
    }
    if !json {
        println!(
            "agents  calls/h  service  patience | mean wait s: theory, simulated | answered in {LEVEL_S} s: theory, simulated | left: theory, simulated"
        );
    }
    let (mut rows, mut all_agree) = (Vec::new(), true);
    for situation in SITUATIONS {
        let days: Vec<Figures> = (0..DAYS).map(|seed| Day::new(situation, seed).run()).collect();
        let compared = compare(situation, &days);
        let agrees = compared.iter().all(|compared| compared.agrees());
        all_agree &= agrees;
        if json {
            rows.push(in_json(situation, &compared, agrees));
        } else {
            println!("{}", in_words(situation, &compared));
        }
    }
    if json {
        println!("{{\"rows\":[{}],\"agrees\":{all_agree}}}", rows.join(","));
    }
    if all_agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(situation: Situation, compared: &[Compared]) -> String {
    let Situation { agents, calls_per_hour, service_s, patience_s, .. } = situation;
    let patience = patience_s.map_or_else(|| "none".to_owned(), |patience| patience.to_string());
    let figure = |one: &Compared| {
        let mark = if one.agrees() { " " } else { "!" };
        format!("{:>9.4} {:>9.4} ± {:.4}{mark}", one.theory, one.mean, one.half_width)
    };
    let figures: Vec<String> = compared.iter().map(figure).collect();
    format!("{agents:>6} {calls_per_hour:>8} {service_s:>8} {patience:>9} | {}", figures.join(" | "))
}

fn in_json(situation: Situation, compared: &[Compared], agrees: bool) -> String {
    let Situation { agents, calls_per_hour, service_s, patience_s, calls } = situation;
    let patience = patience_s.map_or_else(|| "null".to_owned(), |patience| patience.to_string());
    let figure = |one: &Compared| {
        let Compared { name, theory, mean, half_width } = one;
        format!("\"{name}\":{{\"theory\":{theory:.5},\"simulated\":{mean:.5},\"half_width\":{half_width:.5}}}")
    };
    let figures: Vec<String> = compared.iter().map(figure).collect();
    format!(
        "{{\"agents\":{agents},\"calls_per_hour\":{calls_per_hour},\"service_s\":{service_s},\"patience_s\":{patience},\"calls\":{},{},\"agrees\":{agrees}}}",
        calls * DAYS,
        figures.join(",")
    )
}
