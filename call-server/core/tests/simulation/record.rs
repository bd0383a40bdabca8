//! A run as it can be seen again: what was fed, and what followed. Fed to a fresh core the same must follow.

use crate::names::Names;
use call_core::journal::{JournalLine, Replay, VERSION};
use call_core::plan::Plan;
use call_core::{Command, Core, Input, Now};
use shared::model::InteractionId;

/// One thing that was done to the core.
#[derive(Clone)]
pub(crate) enum Step {
    /// An input.
    Fed(Now, Input),
    /// The server crashed and began anew: under this plan, with this number for its next call.
    Crashed(Box<Plan>, InteractionId),
}

/// A whole run.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) plan: Plan,
    pub(crate) steps: Vec<Step>,
    pub(crate) commands: Vec<Command>,
    pub(crate) names: Names,
}

impl Record {
    /// Nothing has happened yet.
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, steps: Vec::new(), commands: Vec::new(), names: Names::default() }
    }

    /// The lines of its journal: text, as on disk, one beginning for each start of the server.
    pub(crate) fn journal(&self) -> Vec<String> {
        let line = |line: JournalLine| serde_json::to_string(&line).expect("a line can be written");
        let began = |plan: &Plan, next| JournalLine::Began { version: VERSION, next, plan: Box::new(plan.clone()) };
        let first = began(&self.plan, InteractionId(1));
        let lines = self.steps.iter().map(|step| match step {
            Step::Fed(now, input) => JournalLine::Handled { now: *now, input: input.clone(), commands: 0 },
            Step::Crashed(plan, next) => began(plan, *next),
        });
        std::iter::once(first).chain(lines).map(line).collect()
    }
}

/// The commands that follow from a journal's lines, each read from its text.
pub(crate) fn played(lines: &[String]) -> Vec<Command> {
    let mut core = None;
    let mut commands = Vec::new();
    for line in lines {
        match serde_json::from_str(line).expect("a line can be read") {
            JournalLine::Began { next, plan, .. } => core = Some(Core::new(*plan, next)),
            JournalLine::Handled { now, input, .. } => {
                let core = core.as_mut().expect("it has begun");
                core.handle(now, input);
                commands.extend(std::iter::from_fn(|| core.poll()));
            }
            JournalLine::Gap => panic!("nothing is missing in a simulation"),
        }
    }
    commands
}

/// A core that was fed the lines of a journal. The journal's own reader must find as many commands after each line as were recorded.
pub(crate) fn replayed(plan: &Plan, next: InteractionId, lines: &[String]) -> Core {
    let mut reader = Replay::default();
    reader.play(JournalLine::Began { version: VERSION, next, plan: Box::new(plan.clone()) }).expect("I-18: it begins");
    let mut core = Core::new(plan.clone(), next);
    for line in lines {
        let line: JournalLine = serde_json::from_str(line).expect("I-18: a line can be read");
        reader.play(line.clone()).expect("I-18: the replay goes as it was recorded");
        if let JournalLine::Handled { now, input, .. } = line {
            core.handle(now, input);
            while core.poll().is_some() {}
        }
    }
    core
}

/// I-18: signed-in agents, reasons, waiting order, deadlines, totals: everything is as it was.
pub(crate) fn i18_the_same(core: &Core, fresh: &Core, now: Now) {
    assert_eq!(fresh.snapshot(now), core.snapshot(now), "I-18: another picture after the replay");
    assert_eq!(fresh.next_deadline(), core.next_deadline(), "I-18: another deadline after the replay");
    assert!(fresh.floor() == core.floor(), "I-18: another list of agents after the replay");
    assert!(format!("{fresh:?}") == format!("{core:?}"), "I-18: another state after the replay");
}
