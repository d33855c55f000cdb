//! Lists of resources, templates and prompts.

use super::responses::{Got, JSON, answered, asked};
use super::*;
use crate::bundle;

/// The fixture with resources and prompts that depend on their names, and one more policy.
fn gate(more: &str) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({ "record_lists": true });
    document["manifest"]["servers"]["pay"]["methods"] = json!({
        "resources/read": {},
        "prompts/get": { "schemas": { "arguments": { "by": "name", "of": {
            "bill": { "type": "object", "properties": { "of": { "type": "string" } } },
            "note": { "type": "object", "additionalProperties": false },
            "plan": { "type": "object", "additionalProperties": false }
        } } } }
    });
    document["manifest"]["servers"]["pay"]["resources"] =
        json!({ "bills": "bill://*/*", "old": "bill://old/*" });
    let policies = [
        (
            "bills",
            r#"permit (principal, action == Action::"pay/resources/read", resource in ResourcePattern::"pay/bills");"#,
        ),
        (
            "old",
            r#"forbid (principal, action == Action::"pay/resources/read", resource in ResourcePattern::"pay/old");"#,
        ),
        (
            "prompts",
            r#"permit (principal, action == Action::"pay/prompts/get", resource) when { context.input.name != "note" };"#,
        ),
        (
            "arguments",
            r#"forbid (principal, action == Action::"pay/prompts/get", resource) when { context.input has arguments && context.input.arguments has bill && context.input.arguments.bill has of && context.input.arguments.bill.of == "x" };"#,
        ),
        ("more", more),
    ];
    let policies =
        policies.map(|(id, text)| json!({ "id": id, "source": format!("@id(\"{id}\") {text}") }));
    document["layers"]["org"].as_array_mut().unwrap().extend(policies);
    let document = serde_json::from_value(document).unwrap();
    let loaded = bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}"));
    Gate::new(loaded.bundle, String::new())
}

const NOTHING: &str = r#"permit (principal == User::"nobody", action, resource);"#;
const NO_READING: &str =
    r#"forbid (principal, action == Action::"pay/resources/read", resource is ResourcePattern);"#;

fn listed(gate: &Gate, method: &str, result: &Value) -> (Value, Got) {
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": method }).to_string();
    let (mut exchange, _) = asked(gate, &POST, &list);
    let upstream = json!({ "jsonrpc": "2.0", "id": 7, "result": result }).to_string();
    let got = answered(&mut exchange, gate, &JSON, &[upstream.as_bytes()]);
    let message: Value = serde_json::from_str(&got.body).unwrap();
    (message["result"].clone(), got)
}

/// Whether a request is permitted.
fn passes(gate: &Gate, method: &str, params: &Value) -> bool {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let Step::Done(effects) = run(gate, &POST, Some(fixture::claims()), body.as_bytes()) else {
        panic!()
    };
    matches!(effects.ending, Ending::Forward(_))
}

#[test]
fn a_list_of_resources_has_those_that_can_be_read() {
    let gate = gate(NOTHING);
    let uris = [
        "bill://a/1",
        "bill://old/1",
        "bill://a/../old/1",
        "other://a",
        "BILL://a/1",
        "bill://a/2",
    ];
    let mut entries: Vec<Value> =
        uris.iter().map(|uri| json!({ "uri": uri, "name": "n" })).collect();
    entries.extend([json!({ "name": "bill://a/1" }), json!({ "uri": 1 }), json!("bill://a/1")]);
    let (result, got) = listed(
        &gate,
        "resources/list",
        &json!({ "resources": entries, "cacheScope": "public", "tools": 1 }),
    );
    let shown: Vec<&str> = result["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["uri"].as_str().unwrap())
        .collect();
    assert_eq!(shown, ["bill://a/1", "bill://a/2"]);
    for uri in uris {
        assert_eq!(
            passes(&gate, "resources/read", &json!({ "uri": uri })),
            shown.contains(&uri),
            "{uri}"
        );
    }
    assert_eq!((&result["cacheScope"], &result["tools"]), (&json!("private"), &json!([])));
    let record = got.records.last().unwrap();
    assert_eq!(
        (&record["reason"], &record["method"]),
        (&json!("listed"), &json!("resources/list"))
    );
    assert_eq!(record["detail"], "2 shown, 7 hidden: pay/resources/read");
    let forbidden = "toolgate.hidden.reason.forbidden.tool.pay/resources/read";
    assert_eq!(
        got.counters.iter().filter(|counter| *counter == forbidden).count(),
        1,
        "{:?}",
        got.counters
    );
}

#[test]
fn a_list_of_prompts_has_those_that_some_arguments_permit() {
    let gate = gate(NOTHING);
    let prompts =
        ["bill", "note", "plan", "draft"].map(|name| json!({ "name": name, "arguments": [] }));
    let (result, _) = listed(&gate, "prompts/list", &json!({ "prompts": prompts }));
    let shown: Vec<&Value> =
        result["prompts"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(shown, ["bill", "plan"]);
    for (name, permitted) in [("bill", true), ("note", false), ("plan", true), ("draft", false)] {
        assert_eq!(passes(&gate, "prompts/get", &json!({ "name": name })), permitted, "{name}");
    }
    assert!(!passes(&gate, "prompts/get", &json!({ "name": "bill", "arguments": { "of": "x" } })));
}

#[test]
fn templates_stay_unless_nothing_can_be_read() {
    let templates =
        json!({ "resourceTemplates": [{ "uriTemplate": "bill://{a}/{b}", "name": "n" }] });
    for (more, shown) in [
        (NOTHING, 1),
        (NO_READING, 1),
        (r#"forbid (principal, action in Action::"method:resources/read", resource);"#, 0),
    ] {
        let (result, _) = listed(&gate(more), "resources/templates/list", &templates);
        // A URI without a pattern would have the server as its resource.
        assert_eq!(result["resourceTemplates"].as_array().unwrap().len(), shown, "{more}");
    }
}

#[test]
fn a_list_that_policies_do_not_decide_stays_as_it_is() {
    let gate = fixture::gate();
    let body = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": [], "resources": [{ "uri": "a:b" }] } }).to_string();
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" }).to_string();
    let (mut exchange, _) = asked(&gate, &POST, &list);
    assert_eq!(answered(&mut exchange, &gate, &JSON, &[body.as_bytes()]).body, body);
    assert!(!passes(&gate, "resources/list", &json!({})));
}
