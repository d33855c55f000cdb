//! `toolgate emit`
#![expect(clippy::disallowed_methods, reason = "the examples are files of the repository")]

use std::fs;
use std::path::Path;

use super::sandbox::{Sandbox, check, check_text};
use chrono::DateTime;
use toolgate::config;
use toolgate::gate::Gate;
use toolgate::gate::GateId;

const NAMED: &str =
    "--issuer session=https://a.example --audience session=x --jwks session=/a.json";
const TOKENS: &str = "--issuer https://id.acme.example --audience https://tools.acme.example";
const KEYS: &str = "--jwks https://id.acme.example/jwks.json";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The example bundle for production.
fn acme() -> String {
    format!("{} --environment production", repository().join("policies/acme").display())
}

/// The common options of both control planes, with an image that does not exist.
fn in_kubernetes() -> String {
    let image = format!("registry.acme.example/toolgate@sha256:{}", "0d5e".repeat(16));
    format!("--namespace tools --image {image} {TOKENS} {KEYS}")
}

#[test]
fn the_resource_for_envoy() {
    let sandbox = Sandbox::new();
    sandbox.write("bundle/environments/staging.yaml", "");
    let run = sandbox.run("emit ecds bundle --wasm /etc/toolgate.wasm --environment staging");
    let mut resource = run.json();
    let digest = resource["version_info"].as_str().unwrap();
    let needs = "the listener must have routes for `/notes/mcp`, verified tokens under `session`, and a buffer of 2097152 bytes: `toolgate emit envoy` writes them\n";
    assert_eq!(run.stderr, format!("small@1 {digest} for the environment `staging`\n{needs}"));
    let configuration =
        &mut resource["resources"][0]["typed_config"]["config"]["configuration"]["value"];
    assert_eq!(&*gate(configuration.as_str().unwrap()).environment, "staging");
    *configuration = "…".into();
    resource["version_info"] = "…".into();
    check_text("emit_ecds", &serde_json::to_string_pretty(&resource).unwrap());
}

#[track_caller]
fn gate(configuration: &str) -> Gate {
    let now = DateTime::UNIX_EPOCH;
    config::load(configuration.as_bytes(), &GateId::default(), now).unwrap()
}

#[test]
fn a_candidate_goes_with_the_bundle() {
    let sandbox = Sandbox::new();
    sandbox.run("build bundle -o next.json");
    let run = sandbox.run("emit ecds bundle --wasm /a.wasm --candidate next.json");
    let config = &run.json()["resources"][0]["typed_config"]["config"];
    let gate = gate(config["configuration"]["value"].as_str().unwrap());
    assert_eq!(gate.candidate.unwrap().bundle.id.to_string(), run.stderr.lines().next().unwrap());
    let broken = sandbox.run("emit ecds bundle --wasm a.wasm --candidate nowhere");
    assert_eq!((broken.code, broken.stdout.as_str()), (3, ""));
}

#[test]
fn the_reviewed_configuration_is_what_is_emitted() {
    let reviewed = fs::read_to_string(repository().join("envoy/envoy.yaml")).unwrap();
    let line = format!("emit envoy {} --upstream 127.0.0.1:9000 {TOKENS}", acme());
    assert_eq!(Sandbox::new().run(&line).stdout, reviewed);
}

#[test]
fn only_what_is_marked_differs() {
    let sandbox =
        Sandbox::with(&[("bundle.yaml", "refusal:", "limits: { body_bytes: 3000000 }\nrefusal:")]);
    let run = sandbox.run(
        "emit envoy bundle --upstream notes=notes.internal:8080 --issuer 'a # b' --audience x \
         --audience 'y, z' --jwks /j.json --listen 0.0.0.0:443 --admin [::1]:9 --node n --ecds /e/ \
         --logs /l",
    );
    let reviewed = fs::read_to_string(repository().join("envoy/envoy.yaml")).unwrap();
    let changed = run.stdout.lines().filter(|line| !reviewed.lines().any(|known| known == *line));
    check_text("emit_envoy_changes", &changed.flat_map(|line| [line, "\n"]).collect::<String>());
    let filters =
        sandbox.run("emit envoy bundle --upstream a:1 --issuer i --audience a --part filters");
    assert!(filters.stdout.starts_with("- name: envoy.filters.http.jwt_authn"));
    assert!(filters.stdout.contains("\n- name: toolgate\n"));
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let sandbox = Sandbox::new();
    check("emit_envoy_missing", &sandbox.run("emit envoy bundle --upstream crm=crm.internal:80"));
    let istio = "emit istio bundle --namespace tools --selector app=tools --wasm /toolgate.wasm";
    check("emit_istio_missing", &sandbox.run(istio));
    let gateway =
        "emit envoy-gateway bundle --namespace tools --gateway tools --wasm /toolgate.wasm";
    check("emit_envoy_gateway_missing", &sandbox.run(gateway));
}

#[test]
fn envoy_reads_or_fetches_keys() {
    let line = "emit envoy bundle --upstream a:1 --issuer i --audience a --jwks";
    let sandbox = Sandbox::new();
    let keys = |keys: &str| sandbox.run(&format!("{line} {keys}"));
    assert!(keys("./keys/jwks.json").stdout.contains("local_jwks"));
    let fetched = keys("https://i.example:8443/jwks.json").stdout;
    assert!(fetched.contains("remote_jwks"));
    assert!(fetched.contains("address: i.example, port_value: 8443"));
    assert_eq!(keys("http://i.example/jwks.json").code, 3);
}

/// The paths in the output are looked up by the proxy, from wherever it is started.
#[test]
fn relative_paths_are_warned_of() {
    let tokens = "--issuer https://i.example --audience a";
    let keys = "--jwks https://i.example/keys";
    let sandbox =
        Sandbox::with(&[("bundle.yaml", "tokens: [session]", "tokens: [session, payload]")]);
    for (line, option) in [
        ("ecds bundle --wasm a.wasm".to_owned(), "--wasm a.wasm"),
        (format!("envoy bundle --upstream a:1 {tokens} --jwks ./a.json"), "--jwks ./a.json"),
        (format!("envoy bundle --upstream a:1 {tokens} --ca ca.crt"), "--ca ca.crt"),
        (format!("envoy bundle --upstream a:1 {tokens} --logs logs"), "--logs logs"),
        (
            format!("istio bundle --namespace a --selector a=b --wasm b.wasm {tokens} {keys}"),
            "--wasm b.wasm",
        ),
        (
            format!(
                "envoy-gateway bundle --namespace a --gateway b --wasm ./c.wasm {tokens} {keys}"
            ),
            "--wasm ./c.wasm",
        ),
    ] {
        let run = sandbox.run(&format!("emit {line}"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let warning = format!("warning: `{option}` is a path on the host that runs the proxy");
        assert!(run.stderr.starts_with(&warning), "{}", run.stderr);
        assert_eq!(run.stderr.matches("warning: ").count(), 1, "{}", run.stderr);
        let (name, path) = option.split_once(' ').unwrap();
        let absolute = line.replace(option, &format!("{name} /{path}"));
        let run = sandbox.run(&format!("emit {absolute}"));
        assert!(run.code == 0 && !run.stderr.contains("warning: "), "{}", run.stderr);
    }
}

#[test]
fn each_issuer_has_its_own_name_audience_and_keys() {
    let sandbox =
        Sandbox::with(&[("bundle.yaml", "tokens: [session]", "tokens: [session, payload]")]);
    let line = "emit envoy bundle --upstream a:1 --issuer session=https://a.example \
         --issuer payload=https://b.example --audience x --audience payload=y";
    let run = sandbox.run(&format!("{line} --jwks session=/a.json --jwks payload=/b.json"));
    for part in [
        "session:\n                          issuer: https://a.example # deploy: token issuer\n                          audiences: [x]",
        "payload:\n                          issuer: https://b.example # deploy: token issuer\n                          audiences: [\"y\"]",
        "- provider_name: session\n                                - provider_name: payload\n                                - allow_missing: {}",
    ] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    check("emit_issuers_without_keys", &sandbox.run(&format!("{line} --jwks /a.json")));
    let wrong = "emit envoy bundle --upstream a:1 --issuer https://a.example \
         --issuer https://a.example --issuer visitor=https://b.example --audience guest=x";
    check("emit_issuers_wrong", &sandbox.run(wrong));
}

#[test]
fn a_required_claim_stands_for_the_audience() {
    let required = "tokens: [session]\n    require: [{ claim: client_id, values: [app] }]";
    let sandbox = Sandbox::with(&[("bundle.yaml", "tokens: [session]", required)]);
    let line = "--issuer https://id.acme.example --jwks https://id.acme.example/keys.json";
    for target in ["envoy bundle --upstream a:1", "istio bundle", "envoy-gateway bundle --target a"]
    {
        let run = sandbox.run(&format!("emit {target} {line}"));
        assert!(!run.stdout.contains("audiences"), "{}", run.stdout);
        assert!(!run.stderr.contains("--audience"), "{}", run.stderr);
    }
}

#[test]
fn two_servers_do_not_share_a_path() {
    let line = format!("emit envoy {} {TOKENS} --upstream", acme());
    let run = Sandbox::new().run(&format!("{line} 127.0.0.1:1/mcp"));
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("calls of `crm` and `mail` would go to the same path"));
    let apart = "crm=a:1/crm --upstream mail=a:1/mail --upstream payments=b:1/mail";
    assert_eq!(Sandbox::new().run(&format!("{line} {apart}")).code, 0);
}

#[test]
fn a_server_may_be_called_tools() {
    let sandbox = Sandbox::new();
    let text = std::fs::read_to_string(sandbox.path("bundle/bundle.yaml")).unwrap();
    let two = text.replace("servers:\n", "servers:\n  tools: { tools_from: tools/notes.json }\n");
    sandbox.write("bundle/bundle.yaml", &two);
    let line = format!("emit envoy bundle {TOKENS} --upstream tools=t:1");
    let run = sandbox.run(&line);
    assert!(run.stderr.contains("nobody knows where server `notes` is"), "{}", run.stderr);
    let run = sandbox.run(&format!("{line} --upstream a:1"));
    assert!(run.stdout.contains("cluster: \"other tools\""), "{}", run.stderr);
}

#[test]
fn a_server_that_names_its_own_paths_keeps_them() {
    let path = (
        "bundle.yaml",
        "{ path: /notes/mcp, server: notes }",
        "{ path: /sse, server: notes, protocol: sse }\n  - { path: /messages/, server: notes, protocol: sse }",
    );
    let sandbox = Sandbox::with(&[path]);
    let line = format!("emit envoy bundle {TOKENS} --upstream");
    let run = sandbox.run(&format!("{line} http://notes.internal"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    for path in ["/sse", "/messages/"] {
        let route = format!(
            "match: {{ path: {path} }}\n                          route: {{ cluster: tools, timeout: 0s, host_rewrite_literal: notes.internal }}"
        );
        assert!(run.stdout.contains(&route), "{}", run.stdout);
    }
    let moved = sandbox.run(&format!("{line} http://notes.internal/mcp"));
    assert_eq!(moved.code, 3);
    let words = "`notes` itself tells its clients the path that they post to";
    assert!(moved.stderr.contains(words), "{}", moved.stderr);
}

#[test]
fn metadata_needs_an_address() {
    let line = format!("emit envoy bundle --upstream a:1 {TOKENS} --resource-metadata");
    check("emit_metadata_missing", &Sandbox::new().run(&line));
}

#[test]
fn approvals_of_a_provider_have_its_header_and_issuer() {
    let approvals = "issuer: https://gate.example\napprovals:\n  service: https://people.example\n  \
                     provider: approval\nidentity:";
    let sandbox = Sandbox::with(&[("bundle.yaml", "identity:", approvals)]);
    let line = format!("emit envoy bundle --upstream a:1 {NAMED}");
    let missing = sandbox.run(&line);
    let told = "the bundle takes approvals from the token `approval`: say whose";
    assert!(missing.stderr.contains("--issuer approval=… is missing"), "{missing:?}");
    assert!(missing.stderr.contains(told), "{missing:?}");
    let line = format!("{line} --jwks approval=/b.json --issuer approval=https:");
    let other = sandbox.run(&format!("{line}//id.example"));
    assert!(
        other
            .stderr
            .contains("the issuer of `approval` is `approvals.service`, not `https://id.example`"),
        "{other:?}"
    );
    let written = sandbox.run(&format!("{line}//people.example"));
    let provider = "from_headers:\n                            - name: toolgate-approval\n";
    assert!(written.stdout.contains(provider), "{written:?}");
    assert!(written.stdout.contains("failed_status_in_metadata: approval.failure"), "{written:?}");
    let keys = "--jwks https://id.acme.example/keys.json";
    let istio = sandbox.run(&format!(
        "emit istio bundle {TOKENS} {keys} --namespace tools --selector app=tools --wasm /toolgate.wasm"
    ));
    assert!(istio.stderr.contains("Istio verifies one token"), "{istio:?}");
}

#[test]
fn a_control_plane_has_the_clusters_that_the_filter_asks() {
    let approvals = "issuer: https://gate.example\nrate_limit_service: { cluster: limits }\n\
                     approvals:\n  service: https://people.example\n  cluster: people\n  \
                     keys: [MCowBQYDK2VwAyEA/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=]\nidentity:";
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "tokens: [session]", "tokens: [payload]"),
        ("bundle.yaml", "identity:", approvals),
    ]);
    let gateway = "emit envoy-gateway bundle --namespace tools --gateway tools";
    let keys = "--jwks https://id.acme.example/keys.json --wasm /toolgate.wasm";
    let istio = "emit istio bundle --namespace tools --selector app=tools";
    for (line, name) in [(istio, "outbound|PORT||HOST"), (gateway, "an EnvoyPatchPolicy")] {
        let run = sandbox.run(&format!("{line} {TOKENS} {keys}"));
        let written = &run.stdout;
        for cluster in ["`limits`, which counts", "`people`, which puts calls to people"] {
            assert!(written.contains(&format!("#   - a cluster {cluster}")), "{run:?}");
        }
        assert!(written.contains(name), "{run:?}");
    }
}

#[test]
fn a_bundle_without_tokens_needs_no_issuer() {
    let sandbox = Sandbox::new();
    let mesh = repository().join("tests/cases/bundles/mesh");
    for file in [
        "bundle.yaml",
        "schema.cedarschema",
        "entities.yaml",
        "org/mesh.cedar",
        "tools/public.json",
        "tools/vault.json",
    ] {
        let text = fs::read_to_string(mesh.join(file)).unwrap();
        let text = text.replace("tokens: [session, partner]", "tokens: []");
        sandbox.write(&format!("mesh/{file}"), &text);
    }
    let run = sandbox.run("emit envoy mesh --upstream a:1");
    assert!(run.stdout.contains("name: toolgate"), "{}", run.stderr);
    assert!(!run.stdout.contains("name: envoy.filters.http.jwt_authn"));
    let needless = sandbox.run("emit envoy mesh --upstream a:1 --issuer https://id.acme.example");
    assert!(needless.stderr.contains("the bundle reads no token"), "{}", needless.stderr);
}

#[test]
fn a_channel_of_one_host_comes_before_that_of_any() {
    let mesh = repository().join("tests/cases/bundles/mesh");
    let line =
        format!("emit envoy {} --upstream vault=v:1 --upstream b:2 {TOKENS}", mesh.display());
    let run = Sandbox::new().run(&line);
    let routes = run.stdout.split("routes: # deploy: routes\n").nth(1).unwrap();
    let routes: String = routes.lines().take(8).flat_map(|line| [line.trim(), "\n"]).collect();
    check_text("emit_envoy_routes", &routes);
}

#[test]
fn the_examples_are_what_is_emitted() {
    let istio = format!("emit istio {} --selector app=tools {}", acme(), in_kubernetes());
    example("envoy/istio/toolgate.yaml", &istio);
    let plugin = format!("{istio} --kind traffic-extension");
    assert!(Sandbox::new().run(&plugin).stdout.contains("DO NOT USE THIS FOR CALLS YET"));
    let gateway = format!("emit envoy-gateway {} --gateway tools {}", acme(), in_kubernetes());
    example("envoy/gateway/toolgate.yaml", &gateway);
}

/// Compares a file of the repository with a command's output. The embedded bundle must load. The
/// file is updated together with the snapshots.
#[track_caller]
fn example(file: &str, line: &str) {
    let run = Sandbox::new().run(line);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, Sandbox::new().run(line).stdout);
    let path = repository().join(file);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &run.stdout).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap();
    assert!(known == run.stdout, "{file} is out of date: run this test with INSTA_UPDATE=always");
    let [around, bundle] = parts(&known);
    assert!(!around.contains("{{"), "{file} has a place that nothing filled");
    gate(&bundle);
}

/// The text around the filter's configuration, and the configuration.
fn parts(text: &str) -> [String; 2] {
    let (before, rest) = text.split_once("value: |\n").unwrap();
    let margin: String = rest.chars().take_while(|char| *char == ' ').collect();
    let lines: Vec<&str> = rest.lines().collect();
    let end = lines.iter().position(|line| !line.starts_with(&margin)).unwrap_or(lines.len());
    let (inside, after) = lines.split_at(end);
    [format!("{before}{}", after.join("\n")), inside.join("\n")]
}
