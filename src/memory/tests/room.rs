//! Accounts that need more space than usual.

use serde_json::{Value, json};

use crate::bundle::{self, Bundle, Finding};
use crate::fixture;
use crate::identity::{Attested, identify};
use crate::memory::account::{Account, Called};
use crate::memory::bucket::Bucket;
use crate::memory::kept::Kept;
use crate::memory::names::Key;
use crate::memory::{Asked, Millis, Name, Owners, Particulars, Secret, Store, Working};
use crate::policy::ArgumentValue;
use crate::tool;

/// The fixture with this many more tools, and with these sections.
fn load(tools: usize, sections: Value) -> Result<Bundle, Vec<Finding>> {
    let mut listed = fixture::listed();
    let more = (0..tools).map(|number| {
        json!({ "name": format!("tool{number}"), "inputSchema": { "type": "object",
            "properties": { "amount": { "type": "integer" } }, "required": ["amount"] } })
    });
    listed.as_array_mut().unwrap().extend(more);
    let mut document = fixture::document_json();
    document["tools"]["pay"] = json!(tool::read_tools(&listed).unwrap());
    let Value::Object(sections) = sections else { panic!() };
    document["manifest"].as_object_mut().unwrap().extend(sections);
    bundle::load(&serde_json::from_value(document).unwrap()).map(|loaded| loaded.bundle)
}

/// Sections of which one account has everything.
fn sections(bytes: u64) -> Value {
    json!({
        "memory": { "bytes": bytes },
        "history": { "windows": { "day": "24h" }, "repeats": true, "resources": true },
        "budgets": { "each": {
            "per": ["principal", "actor", "tool"], "limit": 100, "window": "24h",
        } },
    })
}

/// The least memory for a bundle with this many more tools, as the finding says.
fn least(tools: usize) -> u64 {
    let findings = load(tools, sections(8192)).unwrap_err();
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    let text = format!("{finding:?}");
    assert!(text.contains("memory.bytes"), "{text}");
    let digits = text.split_once("at least ").unwrap().1;
    digits.split_once(' ').unwrap().0.parse().unwrap()
}

#[test]
fn a_bundle_whose_accounts_may_find_no_room_does_not_load() {
    for tools in [1, 40, 300] {
        let bytes = least(tools);
        assert!(load(tools, sections(bytes)).is_ok(), "{tools}");
        assert!(load(tools, sections(bytes - 8192)).is_err(), "{tools}");
    }
    assert!(least(40) < 64 << 20 && least(300) > 64 << 20);
}

/// Decides a call without anybody in between; returns whether it is permitted.
fn call(
    bundle: &Bundle,
    owners: &Owners,
    store: &mut Store,
    (tool, now): (&str, Millis),
    particulars: &Particulars,
) -> bool {
    let recalled = store.recall(owners.slots(), now, Vec::new());
    let mut working = Working::open(bundle.memory.as_ref().unwrap(), owners, Some(&recalled));
    let input = ArgumentValue::Record([("amount".into(), ArgumentValue::Long(1))].into());
    let asked: Asked = working.ask(bundle.tool("pay", tool).unwrap(), &input, particulars).unwrap();
    let is_complete = !working.is_incomplete(&asked) && !working.has_incomplete_history();
    assert!(is_complete, "something was given up");
    let permitted = working.exceeded(&asked).is_none();
    if permitted {
        working.forward(&asked, true);
    } else {
        working.refuse();
    }
    assert!(working.into_writes().unwrap().iter().all(|write| store.write(write)));
    permitted
}

/// Whatever is called how often: the account fits in, and each budget is counted.
#[test]
fn an_account_of_many_tools_and_calls_has_room() {
    let tools = 30;
    let bundle = load(tools, sections(least(tools))).unwrap();
    let tokens = [("session".to_owned(), fixture::claims())].into();
    let identity = identify(&bundle.identity, &Attested { tokens, peer: None }).unwrap();
    let plan = bundle.memory.as_ref().unwrap();
    let owners = Owners::of(&bundle.id.name, plan, &identity, &Secret::default());
    let (mut store, mut now) = (Store::default(), 1 << 40);
    for round in 0..102 {
        for tool in 0..tools {
            now += 1000;
            let different = Some(Name::of(&now));
            let particulars =
                Particulars { resource: different, arguments: different, tenant: None };
            let tool = format!("tool{tool}");
            let permitted = call(&bundle, &owners, &mut store, (&tool, now), &particulars);
            // Counts above seven may be too high.
            assert!(permitted || round > 7, "{round} {tool}");
            assert!(!permitted || round < 100, "{round} {tool}");
        }
    }
}

#[test]
fn an_account_without_room_leaves_a_mark() {
    let (now, key) = (1_000_000, Key::of(&"somebody", &Secret::default()));
    let mut account = Account::new(now, 0);
    for tool in 0..200 {
        account.call(&Called {
            at: now,
            tool: Name::of(&tool),
            resource: None,
            call: None,
            sums: Vec::new(),
            labels: Vec::new(),
        });
    }
    let (mut bucket, until) = (Bucket::default(), now + 3_600_000);
    bucket.store(key, &mut account, until, now, 4096);
    assert!(bucket.to_bytes().len() < 100);
    assert!(bucket.account(key, until - 1, &Kept::default()).unwrap().is_incomplete(until - 1));
    assert!(!bucket.account(key, until, &Kept::default()).unwrap().is_incomplete(until));
}
