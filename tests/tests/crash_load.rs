//! The server dies under load: kill -9 while many calls are recorded. Every recording opens, ends within a second of the kill, and is
//! attached to its record after the restart. More calls by hand: `cargo run --release --package e2e --bin load -- crash --calls 200`.

use e2e::process::{Running, fresh_folder, program};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const CALLS: &str = "50";
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn every_recording_survives_the_death_of_the_server_up_to_its_last_second() {
    let folder = fresh_folder("crash_load");
    let mut command = Command::new(program("load"));
    command.args(["crash", "--calls", CALLS, "--seconds", "4", "--json"]);
    let mut load = Running::start("load crash", &mut command, &folder.join("load.log"));
    let left: Value = load.wait_for("report", LIMIT, |line| serde_json::from_str(line).ok());
    let count = |name: &str| left[name].as_u64().unwrap_or_else(|| panic!("no {name} in {left}"));
    assert_eq!((count("calls"), count("attached"), count("opened"), count("faults")), (50, 50, 50, 0), "{left}");
    let most_ms = left["lost_ms"][2].as_u64().expect("the longest loss");
    assert!(most_ms <= 1_000, "a recording ends {most_ms} ms before the kill: {left}");
    assert!(load.ended(Duration::from_secs(20)).success(), "{}", load.story());
}
