//! A call of somebody whose earlier calls are remembered, and that spends of two budgets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Value, json};
use toolgate::exchange::{Effects, Event, Exchange, Step};
use toolgate::memory::{Millis, Store};

use crate::asked::{self, Asked, PERMITTED};
use crate::document;

/// How many tools the bundle has.
const TOOLS: usize = 100;
/// How many calls came before, one a second: for all of the longest window.
const BEFORE: u64 = 4_000;
const SECOND: Millis = 1_000;

/// A policy that reads the history. Nobody has made so many calls.
const READER: &str = r#"forbid (principal, action in Action::"class:money", resource) when { context.history.recent.classes.money.calls > 1000000 };"#;

/// A call, and what is remembered of those before it.
pub(crate) struct Remembered {
    asked: Asked,
    memory: RefCell<Store>,
    calls: Cell<u64>,
}

impl Remembered {
    /// The call after many others.
    pub(crate) fn new() -> Self {
        let remembered = Self {
            asked: Asked::on(asked::PATH, gate()),
            memory: RefCell::default(),
            calls: Cell::new(0),
        };
        (0..BEFORE).for_each(|_| drop(remembered.exchange()));
        remembered
    }

    /// The whole exchange, one second after the one before. What it remembers is stored: every so many
    /// calls, what is known of older ones is joined.
    pub(crate) fn exchange(&self) -> Effects {
        self.calls.update(|calls| calls.saturating_add(1));
        let effects = self.effects(SECOND.saturating_mul(self.calls.get()));
        assert!(!effects.memory.is_empty(), "nothing is remembered");
        for write in &effects.memory {
            assert!(self.memory.borrow_mut().write(write), "nobody else writes");
        }
        effects
    }

    fn effects(&self, now: Millis) -> Effects {
        let (gate, mut exchange) = (&self.asked.gate, Exchange::default());
        exchange.step(gate, Event::Headers(&self.asked.arrival));
        let recalled = Rc::new(self.memory.borrow().recall(&exchange.recalls(), now, Vec::new()));
        exchange.step(gate, Event::Recalled(&recalled));
        match exchange.step(gate, Event::End(PERMITTED.as_bytes())) {
            Step::Done(effects) => effects,
            other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
        }
    }
}

fn gate() -> toolgate::gate::Gate {
    let mut tools = document::tools();
    let others = tools.len()..TOOLS;
    tools.extend(others.map(|index| document::tool(&format!("more-{index}"), &json!({}), &[])));
    let policies = document::ABOUT_THE_CALL.into_iter().chain([READER]).map(ToOwned::to_owned);
    let mut document = document::whole("pay", &document::marks(), policies, &tools);
    if let Value::Object(manifest) = &mut document["manifest"] {
        manifest
            .insert("history".to_owned(), json!({ "windows": { "recent": "10m", "hour": "1h" } }));
        manifest.insert("budgets".to_owned(), budgets());
    }
    asked::gate(&document::resolved(document.clone(), document))
}

fn budgets() -> Value {
    json!({
        "calls": { "per": ["principal", "actor"], "limit": 1_000_000, "window": "1h", "kind": "fixed" },
        "money": {
            "of": ["class:money"],
            "per": ["principal", "actor"],
            "amount": { "argument": "amount" },
            "limit": 1_000_000_000,
            "window": "24h",
            "kind": "fixed",
        },
    })
}
