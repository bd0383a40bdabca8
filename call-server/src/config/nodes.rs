//! Voice menus and surveys: the keys of `[[nodes]]`, and how their words become a plan. Each way leads somewhere, and none in a circle
//! that people cannot leave.

use super::resolve::{Resolver, twice};
use super::schema::Kind::{Seconds, Text, Texts, Whole};
use super::schema::Worth::{Default as Usual, Needed, Optional};
use super::schema::{Section, key};
use super::words;
use super::written::Block;
use call_core::plan::{DialledKind, NodeExit, NodeKind, NodePlan, Plan, PromptName};
use shared::model::{NodeId, PhoneNumber, QueueId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Longest wait for a key that makes sense, in ms.
const WAIT_MS: RangeInclusive<u64> = 1_000..=120_000;
/// Most repetitions that make sense.
const TRIES: RangeInclusive<u64> = 1..=10;

pub(super) const NODES: Section = Section {
    name: "nodes",
    repeated: true,
    about: "A voice menu 语音菜单 or a survey 满意度调查, to which agents transfer citizens. With keys it is a menu, with answers a survey, with neither a text.",
    keys: &[
        key("id", Whole, Needed { example: "1" }, "Never reused: records name the node by it."),
        key("name", Text, Needed { example: "\"服务评价\"" }, "As agents and reports see it."),
        key(
            "prompts",
            Texts,
            Needed { example: "[\"zh.survey_question\"]" },
            "Names of texts that the citizen hears, one behind the other: built-in ones or files of [media] prompts.",
        ),
        key(
            "wrong_key",
            Text,
            Optional { example: "\"zh.wrong_key\"" },
            "Name of a text before the repetition, for who pressed a key that does nothing.",
        ),
        key(
            "keys",
            Texts,
            Usual("[]"),
            "Where keys lead: \"1 queue 1\" (entry time kept), \"2 node 3\", \"3 number 051987654321\", \"9 hang_up\", \"9 hang_up NAME\" (after a text).",
        ),
        key("answers", Texts, Usual("[]"), "What keys mean: \"1 非常满意\"; the answer is stored with the call."),
        key("then", Text, Usual("\"hang_up\""), "What follows the answer of a survey: \"queue ID\", \"node ID\" or \"hang_up NAME\"."),
        key("wait_seconds", Seconds, Usual("8"), "How long a key is waited for when the question was heard."),
        key("tries", Whole, Usual("2"), "How often the question is asked."),
        key("otherwise", Text, Needed { example: "\"queue 1\"" }, "What follows when nothing of use was pressed: as then."),
    ],
};

impl Resolver<'_> {
    pub(super) fn nodes(&mut self, plan: &Plan) -> BTreeMap<NodeId, NodePlan> {
        let written = self.written;
        let ids: BTreeSet<NodeId> = written.all("nodes").filter_map(id_of).collect();
        let mut nodes = BTreeMap::new();
        for block in written.all("nodes") {
            let id = self.id(block, "node").map(NodeId);
            let node = self.node(block);
            let (Some(id), Some(node)) = (id, node) else { continue };
            for exit in node.exits() {
                self.node_exit_leads_somewhere(block, exit, plan, &ids);
            }
            if nodes.insert(id, node).is_some() {
                self.faults.push(twice(block.line, "node id", &id.to_string()));
            }
        }
        self.nodes_end(&nodes);
        nodes
    }

    fn node(&mut self, block: &Block) -> Option<NodePlan> {
        let prompts = self.list(block, "prompts", "names of texts", words::prompt);
        let keys = self.list(block, "keys", "\"1 queue 1\", \"2 node 3\", \"3 number 0519…\" or \"9 hang_up\"", menu_key);
        let answers = self.list(block, "answers", "a key and what it means, such as \"1 非常满意\"", answer);
        let then = self.word(block, "then", "\"queue ID\", \"node ID\", \"hang_up\" or \"hang_up NAME\"", last_exit);
        let otherwise = self.word(block, "otherwise", "\"queue ID\", \"node ID\", \"hang_up\" or \"hang_up NAME\"", last_exit);
        let wait_ms = self.time(block, "wait_seconds", WAIT_MS);
        let tries = self.count(block, "tries", TRIES).and_then(|tries| u32::try_from(tries).ok());
        let wrong_key = self.prompt(block, "wrong_key");
        let (keys, answers, then) = (keys?, answers?, then?);
        let doubled = first_twice(keys.iter().map(|at| at.value.0)).or(first_twice(answers.iter().map(|at| at.value.0)));
        if let Some(key) = doubled {
            return self.fault(block.line, format!("the key {key} stands in it twice"), "Give each key one meaning.");
        }
        let kind = match (keys.is_empty(), answers.is_empty()) {
            (false, false) => {
                return self.fault(block.line, "a node has keys and answers", "Make two nodes of it: a menu and a survey.");
            }
            (_, true) => NodeKind::Menu { keys: keys.into_iter().map(|at| at.value).collect() },
            (true, false) => NodeKind::Survey { answers: answers.into_iter().map(|at| at.value).collect(), then },
        };
        Some(NodePlan {
            name: block.text("name")?.value.to_owned(),
            prompts: prompts?.into_iter().map(|prompt| prompt.value).collect(),
            wrong_key: wrong_key?,
            kind,
            wait_ms: wait_ms?,
            tries: tries?,
            otherwise: otherwise?,
        })
    }

    fn node_exit_leads_somewhere(&mut self, block: &Block, exit: &NodeExit, plan: &Plan, nodes: &BTreeSet<NodeId>) {
        let (what, remedy) = match exit {
            NodeExit::Queue(queue) if !plan.queues.contains_key(queue) => {
                (format!("queue {queue}, which does not exist"), "Name the id of one of [[queues]].")
            }
            NodeExit::Node(node) if !nodes.contains(node) => {
                (format!("node {node}, which does not exist"), "Name the id of one of [[nodes]].")
            }
            NodeExit::Number(number) if matches!(plan.dialled_kind(number), DialledKind::Hotline(_)) => {
                (format!("{}, which is a number of the hotline itself", number.as_str()), "Name its queue.")
            }
            NodeExit::Queue(_) | NodeExit::Node(_) | NodeExit::Number(_) | NodeExit::HangUp(_) => return,
        };
        self.fault::<()>(block.line, format!("a node leads to {what}"), remedy);
    }

    /// What a node says must be there: silence would be taken for a fault.
    pub(super) fn nodes_are_heard(&mut self, nodes: &BTreeMap<NodeId, NodePlan>, known: &[(String, Vec<u8>)]) {
        let written = self.written;
        let exists = |prompt: &PromptName| known.iter().any(|(name, _)| **name == *prompt.0);
        for block in written.all("nodes") {
            let Some(plan) = id_of(block).and_then(|id| nodes.get(&id)) else { continue };
            let last = plan.exits().filter_map(|exit| match exit {
                NodeExit::HangUp(text) => text.as_ref(),
                NodeExit::Queue(_) | NodeExit::Node(_) | NodeExit::Number(_) => None,
            });
            for missing in plan.prompts.iter().chain(&plan.wrong_key).chain(last).filter(|prompt| !exists(prompt)) {
                let remedy = "Put it into the folder of [media] prompts, or name another one.";
                self.fault::<()>(block.line, format!("there is no text named {}", missing.0), remedy);
            }
        }
    }

    /// Who presses nothing comes to an end of some kind.
    fn nodes_end(&mut self, nodes: &BTreeMap<NodeId, NodePlan>) {
        let written = self.written;
        for block in written.all("nodes") {
            let (mut at, mut seen) = (id_of(block), BTreeSet::new());
            while let Some(node) = at {
                if !seen.insert(node) {
                    let what = "who presses nothing goes round in a circle from here".to_owned();
                    self.fault::<()>(block.line, what, "Let `otherwise` lead to a queue, or hang up, in one of the nodes on the way.");
                    break;
                }
                at = match nodes.get(&node).map(|plan| &plan.otherwise) {
                    Some(NodeExit::Node(next)) => Some(*next),
                    Some(NodeExit::Queue(_) | NodeExit::Number(_) | NodeExit::HangUp(_)) | None => None,
                };
            }
        }
    }
}

fn id_of(block: &Block) -> Option<NodeId> {
    block.whole("id").and_then(|id| u32::try_from(id.value).ok()).map(NodeId)
}

fn first_twice(keys: impl Iterator<Item = char>) -> Option<char> {
    let mut seen = BTreeSet::new();
    keys.into_iter().find(|key| !seen.insert(*key))
}

/// `1 queue 1`: a key, and where it leads.
fn menu_key(text: &str) -> Option<(char, NodeExit)> {
    let (key, rest) = words::after_key(text)?;
    Some((key, exit(rest)?))
}

/// `1 非常满意`: a key, and what it means.
fn answer(text: &str) -> Option<(char, String)> {
    let (key, label) = words::after_key(text)?;
    (!label.is_empty() && label.chars().count() <= 50).then(|| (key, label.to_owned()))
}

/// `queue 1`, `node 2`, `number 051987654321`, `hang_up` or `hang_up NAME`.
fn exit(text: &str) -> Option<NodeExit> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["queue", id] => id.parse().ok().map(|id| NodeExit::Queue(QueueId(id))),
        ["node", id] => id.parse().ok().map(|id| NodeExit::Node(NodeId(id))),
        ["number", number] => PhoneNumber::parse(number).ok().map(NodeExit::Number),
        ["hang_up"] => Some(NodeExit::HangUp(None)),
        ["hang_up", name] => words::prompt(name).map(|text: PromptName| NodeExit::HangUp(Some(text))),
        _ => None,
    }
}

/// One that cannot fail: no number.
fn last_exit(text: &str) -> Option<NodeExit> {
    exit(text).filter(|exit| !matches!(exit, NodeExit::Number(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_people_a_node_a_number_or_an_end() {
        assert_eq!(menu_key("1 queue 2"), Some(('1', NodeExit::Queue(QueueId(2)))));
        assert_eq!(menu_key("* node 3"), Some(('*', NodeExit::Node(NodeId(3)))));
        let number = PhoneNumber::parse("051987654321").expect("a number");
        assert_eq!(menu_key("3 number 051987654321"), Some(('3', NodeExit::Number(number))));
        assert_eq!(menu_key("9 hang_up"), Some(('9', NodeExit::HangUp(None))));
        assert_eq!(menu_key("9 hang_up zh.thanks"), Some(('9', NodeExit::HangUp(Some(PromptName::from("zh.thanks"))))));
        for wrong in ["queue 1", "12 queue 1", "a queue 1", "1", "1 queue x", "1 number", "1 hang_up now please"] {
            assert_eq!(menu_key(wrong), None, "{wrong:?}");
        }
        assert_eq!(answer("1 非常满意"), Some(('1', "非常满意".to_owned())));
        assert_eq!((answer("满意"), answer("1 ")), (None, None));
        assert_eq!(last_exit("number 051987654321"), None, "a number may not answer");
    }
}
