//! Tasks that belong to whoever made them.

use super::responses::{EVENTS, JSON, head};
use super::sessions::claims;
use super::*;
use crate::gate::ChangedTools;
use crate::mcp::SessionKey;
use crate::memory::Store;

/// The ways to say that a call has made the task `t`.
const MADE: [&str; 2] = [
    r#"{"jsonrpc":"2.0","id":"x","result":{"task":{"taskId":"t","status":"working","ttl":60000}}}"#,
    r#"{"jsonrpc":"2.0","id":"x","result":{"resultType":"task","taskId":"t","status":"working","ttlMs":null}}"#,
];
const METHODS: [&str; 6] = [
    "tasks/get",
    "tasks/result",
    "tasks/cancel",
    "tasks/update",
    "tasks/list",
    "subscriptions/listen",
];

fn gate(change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({ "bind_tasks": true, "methods": METHODS });
    change(&mut document);
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document);
    Gate::new(loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle, "test".to_owned())
}

/// What callers do, one thing after the other, and what is remembered of it.
struct Scene {
    gate: Gate,
    store: Store,
    now: u64,
}

impl Scene {
    fn new(gate: Gate) -> Self {
        Self { gate, store: Store::default(), now: 1000 }
    }

    /// Sends a request of alice's `bot`, or of somebody else; returns the reason in its record.
    fn ask(&mut self, (person, agent): (&str, &str), body: &str) -> (Exchange, Ending, Reason) {
        self.send(&POST, claims(person, agent), body)
    }

    fn send(
        &mut self,
        fields: &[(&str, &str)],
        claims: Value,
        body: &str,
    ) -> (Exchange, Ending, Reason) {
        let mut exchange = Exchange::default();
        exchange.step(&self.gate, Event::Headers(&arrival(fields, Some(claims))));
        let step = exchange.end(&self.gate, body.as_bytes(), &self.store, self.now);
        let Step::Done(effects) = step else { panic!("{step:?}") };
        assert!(effects.memory.iter().all(|write| self.store.write(write)));
        let reason = effects.records.first().map_or(Reason::Lifecycle, |record| record.reason);
        (exchange, effects.ending, reason)
    }

    /// The response arrives in these parts, of which the last one need not be marked as such.
    fn answer(&mut self, exchange: &mut Exchange, fields: &[(&str, &str)], parts: &[&str]) {
        let room = Room::default();
        exchange.respond(&self.gate, ResponseEvent::Headers(&head(fields), false, room));
        for part in parts {
            let event = ResponseEvent::Body(part.as_bytes(), false, &ChangedTools::default());
            exchange.respond(&self.gate, event);
            self.learn(exchange);
        }
    }

    fn end(&mut self, exchange: &mut Exchange) {
        exchange.respond(&self.gate, ResponseEvent::Body(b"", true, &ChangedTools::default()));
        self.learn(exchange);
    }

    fn learn(&mut self, exchange: &mut Exchange) {
        for lesson in exchange.learned() {
            super::remembered::learn(&self.gate, &mut self.store, &lesson, self.now);
        }
    }

    /// Alice's `bot` makes a call, which is answered.
    fn call(&mut self, answer: &str) {
        let (mut exchange, ending, _) = self.ask(ALICE, &call("get", r#"{"id":"p"}"#));
        assert!(matches!(ending, Ending::Forward(_)));
        self.answer(&mut exchange, &JSON, &[answer]);
        self.end(&mut exchange);
    }

    /// Whether the sender can have the task `t`.
    fn has(&mut self, sender: (&str, &str)) -> bool {
        let (_, ending, reason) = self.ask(sender, &about("tasks/get", "t"));
        let has = matches!(ending, Ending::Forward(_));
        let expected = if has { Reason::Lifecycle } else { Reason::TaskMismatch };
        assert_eq!(reason, expected, "{sender:?}");
        has
    }
}

const ALICE: (&str, &str) = ("alice", "bot");
const OTHERS: [(&str, &str); 2] = [("bob", "bot"), ("alice", "other-bot")];

fn about(method: &str, task: &str) -> String {
    request(method, &json!({ "taskId": task }))
}

fn request(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": "r", "method": method, "params": params }).to_string()
}

#[test]
fn a_task_is_for_the_principal_and_the_actor_that_made_it() {
    for made in MADE {
        let mut scene = Scene::new(gate(|_| ()));
        assert!(!scene.has(ALICE), "nobody has made it");
        scene.call(made);
        for method in ["tasks/get", "tasks/result", "tasks/cancel", "tasks/update"] {
            let (_, ending, _) = scene.ask(ALICE, &about(method, "t"));
            assert!(matches!(ending, Ending::Forward(_)), "{method}");
            for other in OTHERS {
                let (_, ending, reason) = scene.ask(other, &about(method, "t"));
                assert!(matches!(ending, Ending::Reply(_)), "{method} {other:?}");
                assert_eq!(reason, Reason::TaskMismatch, "{method} {other:?}");
            }
        }
        let (_, _, reason) = scene.ask(ALICE, &about("tasks/get", "u"));
        assert_eq!(reason, Reason::TaskMismatch);
    }
}

#[test]
fn a_request_must_say_which_task_it_is_about() {
    let mut scene = Scene::new(gate(|_| ()));
    scene.call(MADE[0]);
    for (method, params, passes) in [
        ("tasks/list", json!({}), false),
        ("tasks/get", json!({}), false),
        ("tasks/get", json!({ "taskId": 7 }), false),
        ("tasks/get", json!({ "taskId": null }), false),
        ("tasks/get", json!({ "taskId": ["t"] }), false),
        ("tasks/get", json!({ "taskId": "t".repeat(1000) }), false),
        ("subscriptions/listen", json!({ "notifications": { "taskIds": ["t"] } }), true),
        ("subscriptions/listen", json!({ "notifications": { "taskIds": ["t", "u"] } }), false),
        ("subscriptions/listen", json!({ "notifications": { "TaskIds": ["t"] } }), false),
        ("subscriptions/listen", json!({ "notifications": {} }), true),
        ("ping", json!({ "taskId": "u" }), true),
    ] {
        let (_, ending, _) = scene.ask(ALICE, &request(method, &params));
        assert_eq!(matches!(ending, Ending::Forward(_)), passes, "{method} {params}");
    }
}

/// Of what cannot be read, nobody has a task; it passes as it is.
#[test]
fn a_task_is_nobodys_if_the_response_does_not_say_so() {
    let [made, _] = MADE;
    let failed = [(":status", "500"), ("content-type", "application/json")];
    let encoded = [&JSON[..], &[("content-encoding", "gzip")]].concat();
    let long = made.replace("working", &"w".repeat(1000));
    let event = format!("data: {made}\n\n");
    for (fields, body, has) in [
        (&JSON[..], made, true),
        (&EVENTS, &event, true),
        (&JSON, &format!("[{made}]"), true),
        (&failed, made, false),
        (&encoded, made, false),
        (&JSON, &made.replace("\"x\"", "\"y\""), false),
        (&JSON, &made.replace("\"t\"", "7"), false),
        (&JSON, &made.replace("\"status\"", "\"taskId\""), false),
        (&JSON, &long, false),
        (&EVENTS, &format!("event: other\n{event}"), false),
        (&JSON, r#"{"jsonrpc":"2.0","id":"x","result":{"content":[],"taskId":"t"}}"#, false),
    ] {
        let mut scene = Scene::new(gate(|_| ()));
        scene.gate.bundle.limits.response_bytes = 1000;
        let (mut exchange, ..) = scene.ask(ALICE, &call("get", r#"{"id":"p"}"#));
        let (first, rest) = body.split_at(20);
        scene.answer(&mut exchange, fields, &[first, rest]);
        scene.end(&mut exchange);
        assert_eq!(scene.has(ALICE), has, "{fields:?} {}", body.get(..100).unwrap_or(body));
    }
}

/// A client need not wait for an end that comes by itself.
#[test]
fn a_task_is_known_before_the_last_bytes_of_its_id_pass() {
    let [made, _] = MADE;
    let length = made.len().to_string();
    let (first, last) = made.split_at(30);
    let fields = [&JSON[..], &[("content-length", &length)]].concat();
    for (fields, parts, has) in [
        (&fields[..], vec![made], true),
        (&fields, vec![first, last], true),
        (&fields, vec![first], false),
        (&EVENTS, vec!["data: ", made, "\n", "\n"], true),
        (&EVENTS, vec!["data: ", made, "\n"], false),
    ] {
        let mut scene = Scene::new(gate(|_| ()));
        let (mut exchange, ..) = scene.ask(ALICE, &call("get", r#"{"id":"p"}"#));
        scene.answer(&mut exchange, fields, &parts);
        assert_eq!(scene.has(ALICE), has, "{parts:?}");
    }
}

/// Anybody could resume it without a session that is bound.
#[test]
fn a_stream_that_is_resumed_makes_tasks_for_whoever_has_its_session() {
    let key = || SessionKey::new([7; 32]);
    let sealed = |gate: &Gate| {
        let mut exchange = Exchange::default();
        exchange.step(gate, Event::Headers(&arrival(&POST, Some(claims("alice", "bot")))));
        match exchange.bind_session(gate, &head(&[("mcp-session-id", "s")])) {
            Some(HeaderChange::Set(_, sealed)) => sealed,
            other => panic!("{other:?}"),
        }
    };
    for (binds, resumes, has) in [(true, true, true), (true, false, false), (false, true, false)] {
        let gate = gate(|document| document["manifest"]["mcp"]["bind_sessions"] = json!(binds));
        let gate = gate.with_sessions(key());
        let session = sealed(&gate);
        let mut scene = Scene::new(gate);
        let stream = [(":method", "GET"), (":path", "/pay/mcp"), ("mcp-session-id", &session)];
        let last: &[_] = if resumes { &[("last-event-id", "7")] } else { &[] };
        let fields = [&stream[..], last, &[("accept", "text/event-stream")]].concat();
        let (mut exchange, ending, _) = scene.send(&fields, claims("alice", "bot"), "");
        assert!(matches!(ending, Ending::Forward(_)));
        let [first, second] = MADE.map(|made| made.replace("\"x\"", "17"));
        let events = [first.replace("\"t\"", "\"s\""), second].map(|it| format!("data: {it}\n\n"));
        scene.answer(&mut exchange, &EVENTS, &[&events.concat()]);
        assert_eq!(scene.has(ALICE), has, "{binds} {resumes}");
        assert!(!scene.has(OTHERS[0]));
    }
}

/// Whoever may not call the tool may not have what it returns later.
#[test]
fn a_task_needs_that_its_tool_can_still_be_called() {
    for (change, has) in
        [(json!({ "roles": ["rep"] }), true), (json!({ "roles": ["guest"] }), false)]
    {
        let mut scene = Scene::new(gate(|_| ()));
        scene.call(MADE[0]);
        let mut claims = claims("alice", "bot");
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (_, ending, _) = scene.send(&POST, claims, &about("tasks/result", "t"));
        assert_eq!(matches!(ending, Ending::Forward(_)), has, "{change}");
    }
    let mut scene = Scene::new(gate(|_| ()));
    scene.call(MADE[0]);
    scene.gate = gate(|document| {
        document["layers"]["org"].as_array_mut().unwrap().remove(0);
        document["tools"]["pay"].as_array_mut().unwrap().remove(0);
    });
    assert!(!scene.has(ALICE), "a new version has no such tool");
}

#[test]
fn a_method_that_policies_decide_needs_the_task_too() {
    let gate = gate(|document| {
        document["manifest"]["mcp"] = json!({ "bind_tasks": true });
        document["manifest"]["servers"]["pay"]["methods"] =
            json!({ "tasks/get": {}, "tasks/cancel": {} });
        document["layers"]["org"].as_array_mut().unwrap().push(json!({ "id": "tasks", "source":
            r#"@id("tasks") permit (principal, action == Action::"pay/tasks/get", resource);"# }));
    });
    let fields = with(&[("mcp-protocol-version", "2025-11-25")]);
    let mut scene = Scene::new(gate);
    scene.call(MADE[0]);
    for (person, method, reason) in [
        ("alice", "tasks/get", Reason::Permitted),
        ("bob", "tasks/get", Reason::TaskMismatch),
        ("alice", "tasks/cancel", Reason::NotPermitted),
        ("bob", "tasks/cancel", Reason::NotPermitted),
        ("alice", "tasks/result", Reason::MethodNotAllowed),
    ] {
        let (.., found) = scene.send(&fields, claims(person, "bot"), &about(method, "t"));
        assert_eq!(found, reason, "{person} {method}");
    }
}

#[test]
fn one_task_of_somebody_else_refuses_a_batch() {
    let mut scene = Scene::new(gate(|_| ()));
    scene.call(MADE[0]);
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let [own, strange] = [about("tasks/get", "t"), about("tasks/get", "u").replace("\"r\"", "1")];
    let (_, ending, _) = scene.send(&fields, claims("alice", "bot"), &format!("[{own},{strange}]"));
    assert!(matches!(ending, Ending::Reply(_)));
}

#[test]
fn tasks_stay_through_pushes_and_go_with_time() {
    let mut scene = Scene::new(gate(|_| ()));
    scene.call(MADE[0]);
    scene.gate = gate(|document| document["manifest"]["version"] = json!(4));
    assert!(scene.has(ALICE));
    // For a minute, the server says; it may keep it a little longer.
    scene.now += 3_599_999;
    assert!(scene.has(ALICE));
    scene.now += 1;
    assert!(!scene.has(ALICE));
    scene.call(MADE[1]);
    scene.now += 7 * 24 * 3_600_000 - 1;
    assert!(scene.has(ALICE));
    scene.now += 1;
    assert!(!scene.has(ALICE));
}

/// So that its records say what the bundle would do in force.
#[test]
fn a_bundle_in_shadow_remembers_tasks_and_refuses_nothing() {
    let mut scene = Scene::new(gate(|document| document["manifest"]["mode"] = json!("shadow")));
    scene.call(MADE[0]);
    let shadow = |person: &str| {
        let mut exchange = Exchange::default();
        let arrival = arrival(&POST, Some(claims(person, "bot")));
        exchange.step(&scene.gate, Event::Headers(&arrival));
        let body = about("tasks/get", "t");
        forwarded(exchange.end(&scene.gate, body.as_bytes(), &scene.store, scene.now)).records
    };
    assert!(shadow("alice").is_empty());
    let records = shadow("bob");
    assert_eq!(records[0].shadow.as_ref().unwrap().reason, Reason::TaskMismatch);
}

#[test]
fn a_candidate_knows_the_tasks_that_the_bundle_in_force_binds() {
    let unbound = || {
        let gate = gate(|document| document["manifest"]["mcp"] = json!({ "methods": METHODS }));
        gate.bundle
    };
    let both = Gate::new(gate(|_| ()).bundle, String::new()).beside(Some(gate(|_| ()).bundle));
    let mut scene = Scene::new(both);
    scene.call(MADE[0]);
    assert!(scene.has(ALICE) && !scene.has(OTHERS[0]));
    let alone = Gate::new(unbound(), String::new()).beside(Some(gate(|_| ()).bundle));
    assert!(!alone.candidate.as_ref().unwrap().bundle.binds_tasks);
    let mut scene = Scene::new(alone);
    assert!(scene.has(OTHERS[0]));
}

#[test]
fn a_bundle_that_does_not_bind_tasks_reads_no_response() {
    for (binds, reads) in [(false, false), (true, true)] {
        let gate = gate(|document| document["manifest"]["mcp"]["bind_tasks"] = json!(binds));
        let mut exchange = Exchange::default();
        exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
        assert_eq!(exchange.recalls().len(), usize::from(binds));
        let body = call("get", r#"{"id":"p"}"#);
        forwarded(exchange.end(&gate, body.as_bytes(), &Store::default(), 1));
        assert_eq!(exchange.looks_at_response(), reads);
    }
}

/// A server adds what belongs to a task to the messages of the task's owner.
#[test]
fn no_message_joins_a_task_of_somebody_else() {
    let mut scene = Scene::new(gate(|_| ()));
    scene.call(MADE[0]);
    let meta = |task: Value| json!({ "io.modelcontextprotocol/related-task": task });
    let messages = |meta: Value| {
        [
            json!({ "jsonrpc": "2.0", "id": "x", "method": "tools/call",
                "params": { "name": "get", "arguments": { "id": "p" }, "_meta": meta } }),
            json!({ "jsonrpc": "2.0", "id": "x", "method": "ping", "params": { "_meta": meta } }),
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": { "requestId": 1, "_meta": meta } }),
            json!({ "jsonrpc": "2.0", "id": 1, "result": { "_meta": meta } }),
        ]
    };
    let own = meta(json!({ "taskId": "t" }));
    for message in messages(own.clone()) {
        let (_, ending, _) = scene.ask(ALICE, &message.to_string());
        assert!(matches!(ending, Ending::Forward(_)), "{message}");
        for other in OTHERS {
            let (_, ending, reason) = scene.ask(other, &message.to_string());
            assert!(!matches!(ending, Ending::Forward(_)), "{message}");
            assert_eq!(reason, Reason::TaskMismatch, "{message}");
        }
    }
    for strange in [json!({ "taskId": "u" }), json!({ "taskId": 1 }), json!({}), json!("t")] {
        for message in messages(meta(strange)) {
            let (_, _, reason) = scene.ask(ALICE, &message.to_string());
            assert_eq!(reason, Reason::TaskMismatch, "{message}");
        }
    }
}
