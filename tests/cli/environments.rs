//! One directory for several environments.

use chrono::DateTime;
use toolgate::config;
use toolgate::gate::GateId;

use super::sandbox::{Sandbox, check};

const PRODUCTION: &str = "\
channels: [{ path: /notes/mcp, authority: notes.example, server: notes }]
refusal: { style: http }
limits: { calls: 5 }
entities:
  - uid: 'Role::\"auditor\"'
    parents: ['Role::\"reader\"']
";
const FREEZE: &str = "@id(\"freeze\")
forbid (principal, action == Action::\"notes/write\", resource);
";
const FROZEN: &str = "\
identities:
  ann: { tokens: { session: { sub: ann, team: red, roles: [reader, writer], act: { sub: bot } } } }
  eve: { tokens: { session: { sub: eve, team: red, roles: [auditor], act: { sub: bot } } } }
cases:
  - name: a writer writes for the team
    as: ann
    call: { path: /notes/mcp, authority: notes.example, tool: write, arguments: { team: red, text: hello, stars: 3 } }
    expect: { decision: DENY, reason: forbidden, policies: [freeze], status: 403 }
  - name: an auditor reads
    as: eve
    call: { path: /notes/mcp, authority: notes.example, tool: read, arguments: { id: n-1 } }
    expect: { decision: PERMIT, reason: permitted, policies: [readers-read] }
";

/// The small bundle without environments.
fn plain() -> Sandbox {
    Sandbox::with(&[("schema.cedarschema", "entity Role;", "entity Role in [Role];")])
}

/// The small bundle with two environments.
fn sandbox() -> Sandbox {
    let sandbox = plain();
    sandbox.write("bundle/environments/dev.yaml", "mode: shadow\nlimits: { calls: 50 }\n");
    sandbox.write("bundle/environments/production.yaml", PRODUCTION);
    sandbox.write("bundle/environments/production/org/freeze.cedar", FREEZE);
    sandbox.write("bundle/environments/production/tests/frozen.yaml", FROZEN);
    sandbox
}

#[test]
fn an_overlay_says_what_is_different() {
    let sandbox = sandbox();
    let built = |name: &str| sandbox.run(&format!("build bundle --environment {name}")).json();
    let base = plain().run("build bundle").json();
    let (dev, production) = (built("dev"), built("production"));
    assert!(base.get("environment").is_none());
    assert_eq!(dev["environment"], "dev");
    assert_eq!(dev["manifest"]["mode"], "shadow");
    assert_eq!(dev["layers"], base["layers"]);
    let manifest = &production["manifest"];
    assert_eq!(manifest["mode"], "enforce");
    assert_eq!(manifest["channels"][0]["authority"], "notes.example");
    assert_eq!(manifest["refusal"]["style"], "http");
    // Keys that the overlay does not have are unchanged.
    assert_eq!(manifest["refusal"]["help"], base["manifest"]["refusal"]["help"]);
    assert_eq!(
        (&manifest["limits"]["calls"], &manifest["limits"]["depth"]),
        (&5.into(), &64.into())
    );
    assert_eq!(production["entities"].as_array().unwrap().len(), 2);
    assert_eq!(production["layers"]["org"].as_array().unwrap().len(), 4);
    let told = sandbox.run("build bundle --environment production -o built.json").stderr;
    assert!(told.ends_with("for the environment `production`\n"), "{told}");
}

#[test]
fn an_entity_of_the_overlay_takes_the_place_of_the_one_with_its_uid() {
    let sandbox = sandbox();
    sandbox.write(
        "bundle/schema.cedarschema",
        &sandbox.read("bundle/schema.cedarschema").replace("Server;", "Server { tier?: String };"),
    );
    let overlay = "entities: [{ uid: 'Server::\"notes\"', attrs: { tier: gold } }]\n";
    sandbox.write("bundle/environments/dev.yaml", overlay);
    let entities = &sandbox.run("build bundle --environment dev").json()["entities"];
    assert_eq!(entities.as_array().unwrap().len(), 1);
    assert_eq!(entities[0]["attrs"]["tier"], "gold");
    let twice = overlay.replace("}]", "}, { uid: 'Server::\"notes\"' }]");
    sandbox.write("bundle/environments/dev.yaml", &twice);
    let run = sandbox.run("check bundle --environment dev");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("bundle/environments/dev.yaml:1:"), "{}", run.stdout);
}

#[test]
fn cases_of_an_environment_run_there_besides_the_others() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run("test bundle").code, 0);
    // `a reader reads` and other cases have no authority: with this overlay they match no channel.
    sandbox.write(
        "bundle/environments/production.yaml",
        &PRODUCTION.replace("authority: notes.example, ", ""),
    );
    check("environment_test", &sandbox.run("test bundle --environment production"));
    let line = "explain bundle --environment production --case 'a writer writes for the team'";
    let run = sandbox.run(line);
    assert_eq!(run.code, 2);
    assert!(run.stdout.contains("freeze"), "{}", run.stdout);
}

#[test]
fn check_looks_at_every_environment() {
    let sandbox = sandbox();
    check("environments_good", &sandbox.run("check bundle"));
    check("environments_good_json", &sandbox.run("check bundle --format json"));
    let dev = sandbox.run("check bundle --environment dev").stdout;
    assert_eq!(dev.lines().filter(|line| line.contains("is valid")).count(), 1, "{dev}");
    sandbox.write(
        "bundle/environments/production.yaml",
        "channels: [{ path: /notes/mcp, server: nodes }]\nlimits: { depth: 500 }\n\
         entities: [{ uid: 'Thing::\"x\"' }]\n",
    );
    sandbox
        .write("bundle/environments/production/org/freeze.cedar", &FREEZE.replace("write", "wipe"));
    sandbox.write("bundle/environments/production/other/a.cedar", FREEZE);
    sandbox.write("bundle/environments/dev.yaml", "schema: other\n");
    sandbox.write("bundle/environments/notes.txt", "notes");
    check("environments_bad", &sandbox.run("check bundle"));
}

#[test]
fn an_overlay_is_read_strictly() {
    for text in [
        "identity: { principal: { tokens: [other] } }\n",
        "identity: { actor: { required: false } }\n",
        "servers: {}\n",
        "version: 2\n",
        "mode: ~\n",
        "limits: { depth: null }\n",
        "refusal: { code: -31404 }\n",
        "channels: []\n",
        "- mode: shadow\n",
    ] {
        let sandbox = sandbox();
        sandbox.write("bundle/environments/dev.yaml", text);
        let run = sandbox.run("check bundle --environment dev");
        assert_eq!(run.code, 3, "{text}");
        assert!(run.stdout.contains("environments/dev.yaml"), "{text}{}", run.stdout);
    }
}

#[test]
fn the_name_of_an_environment_must_be_known() {
    let sandbox = sandbox();
    check("environment_unknown", &sandbox.run("build bundle --environment prod"));
    for line in ["check", "test", "explain --case a", "emit ecds --wasm a.wasm"] {
        let run = sandbox.run(&format!("{line} --environment prod bundle"));
        assert_eq!(run.code, 3, "{line}");
    }
    for odd in ["..", "a/b", "''", ".hidden"] {
        assert_eq!(sandbox.run(&format!("build bundle --environment {odd}")).code, 3, "{odd}");
    }
    let near = sandbox.run("build bundle --environment prodution");
    assert!(near.stderr.contains("did you mean `production`?"), "{}", near.stderr);
    // An empty overlay defines one.
    let plain = Sandbox::new();
    let undefined = plain.run("build bundle --environment prod");
    assert_eq!(undefined.code, 3);
    assert!(undefined.stderr.contains("`environments/prod.yaml`, which may be empty"));
    plain.write("bundle/environments/prod.yaml", "");
    assert_eq!(plain.run("build bundle --environment prod").json()["environment"], "prod");
}

#[test]
fn no_overlay_is_forgotten() {
    let sandbox = sandbox();
    check("environment_forgotten", &sandbox.run("emit ecds bundle --wasm a.wasm"));
    sandbox.run("build bundle --environment dev -o dev.json");
    let tokens = "--issuer https://i.example --audience a --jwks https://i.example/jwks.json";
    for line in [
        "build bundle",
        "emit envoy bundle --upstream a:1 --issuer i --audience a",
        &format!("emit istio bundle --selector a=b --namespace a --wasm a.wasm {tokens}"),
        &format!("emit envoy-gateway bundle --gateway a --namespace a --wasm a.wasm {tokens}"),
    ] {
        let run = sandbox.run(line);
        let forgotten = "has environments, and none is named";
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{line}");
        assert!(run.stderr.contains(forgotten), "{}", run.stderr);
        let named = sandbox.run(&format!("{line} --environment dev"));
        assert!(!named.stderr.contains(forgotten), "{line}");
    }
    // The candidate is for the environment of the bundle, even if only the document names it.
    let both = sandbox.run("emit ecds dev.json --wasm a.wasm --candidate bundle");
    assert_eq!(
        both.stdout.matches("\\\"environment\\\":\\\"dev\\\"").count(),
        3,
        "{}",
        both.stderr
    );
}

#[test]
fn a_filter_takes_only_what_is_for_its_environment() {
    let sandbox = sandbox();
    let base = plain().run("build bundle").stdout;
    let document = |line: &str| sandbox.run(&format!("build bundle {line}")).stdout;
    let load = |document: &str, rest: &str| {
        let text = format!("{{\"bundle\":{document}{rest}}}");
        let gate = config::load(text.as_bytes(), &GateId::default(), DateTime::UNIX_EPOCH);
        gate.map(|gate| gate.environment).map_err(|error| error.to_string())
    };
    let here = ",\"environment\":\"production\"";
    assert_eq!(&*load(&document("--environment production"), here).unwrap(), "production");
    assert_eq!(&*load(&base, "").unwrap(), "");
    assert_eq!(
        load(&document("--environment dev"), here).unwrap_err(),
        "the bundle is for the environment `dev`, and this filter is for the environment `production`"
    );
    assert_eq!(
        load(&base, here).unwrap_err(),
        "the bundle is for no environment, and this filter is for the environment `production`"
    );
    assert_eq!(
        load(&document("--environment dev"), "").unwrap_err(),
        "the bundle is for the environment `dev`, and this filter is for no environment"
    );
    assert!(load(&base, ",\"environment\":\"\"").is_err());
    assert!(load(&base, ",\"environment\":null").is_err());
    // Nor does the command emit a document's configuration for another environment.
    sandbox.write("dev.json", &document("--environment dev"));
    sandbox.write("base.json", &base);
    check(
        "environment_other",
        &sandbox.run("emit ecds dev.json --wasm a.wasm --environment production"),
    );
    assert_eq!(sandbox.run("emit ecds base.json --wasm a.wasm --environment production").code, 3);
    assert_eq!(sandbox.run("emit ecds dev.json --wasm a.wasm").code, 0);
}

/// Envoy must be able to buffer what the bundle's limits allow in the environment.
#[test]
fn buffers_are_as_large_as_the_environment_needs() {
    let sandbox = sandbox();
    sandbox.write("bundle/environments/dev.yaml", "limits: { body_bytes: 3000000 }\n");
    let line = "emit envoy bundle --upstream a:1 --issuer i --audience a --environment";
    let buffer = |environment| {
        let run = sandbox.run(&format!("{line} {environment}"));
        let (_, rest) = run.stdout.split_once("per_connection_buffer_limit_bytes: ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!((buffer("dev").as_str(), buffer("production").as_str()), ("6000000", "2097152"));
}

#[test]
fn an_environment_is_compared_with_itself() {
    let sandbox = sandbox();
    sandbox.copy("bundle", "next");
    sandbox.remove("next/environments/production/org/freeze.cedar");
    assert_eq!(sandbox.run("diff bundle next").code, 0);
    assert_eq!(sandbox.run("diff bundle next --environment dev").code, 0);
    let directories = sandbox.run("diff bundle next --environment production");
    assert_eq!(directories.code, 1);
    assert!(directories.stdout.contains("! - freeze"), "{}", directories.stdout);
    sandbox.run("build bundle --environment production -o released.json");
    let released = sandbox.run("diff released.json next --environment production");
    assert_eq!((released.code, &released.stdout), (1, &directories.stdout));
    check("diff_other_environment", &sandbox.run("diff released.json next --environment dev"));
    let nowhere = [("CVC5", "nowhere/cvc5")];
    let line = "diff bundle next --environment production --prove";
    let proof = sandbox.run_with(line, "", &nowhere);
    assert!(proof.stdout.contains("! - freeze"), "{}", proof.stdout);
}

#[test]
fn the_same_directory_gives_the_same_bytes_in_every_environment() {
    let (first, second) = (sandbox(), sandbox());
    // The same files with other names, times and order.
    for file in ["environments/production/org/freeze.cedar", "environments/production.yaml"] {
        let text = second.read(&format!("bundle/{file}"));
        second.remove(&format!("bundle/{file}"));
        second.write(&format!("bundle/{file}"), &text);
    }
    for line in ["build bundle --environment dev", "build bundle --environment production"] {
        let (one, two) = (first.run(line), second.run(line));
        assert_eq!((one.code, &one.stdout), (0, &two.stdout), "{line}");
        assert_eq!(one.stderr, two.stderr, "{line}");
    }
}
