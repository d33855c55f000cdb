//! `toolgate emit … --rate-limit`

use super::sandbox::{Sandbox, check, check_text};

const TOKENS: &str = "--issuer https://id.acme.example --audience a";
const SERVICE: (&str, &str, &str) =
    ("bundle.yaml", "refusal:", "rate_limit_service: { cluster: limits, domain: notes }\nrefusal:");

/// The filters between the gate's and the router.
fn between(text: &str) -> String {
    let (_, filters) = text.split_once("rules: { action: ALLOW }\n").unwrap();
    filters.split_once("- name: envoy.filters.http.router").unwrap().0.to_owned()
}

#[test]
fn an_envoy_counts_by_itself() {
    let line = format!("emit envoy bundle --upstream a:1 {TOKENS} --part filters");
    let run = Sandbox::new()
        .run(&format!("{line} --rate-limit tool,principal=60/1m --rate-limit 1000/1h"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    check_text("emit_rates", &between(&run.stdout));
}

#[test]
fn a_service_counts_for_several() {
    let sandbox = Sandbox::with(&[SERVICE]);
    let line = format!("emit envoy bundle --upstream a:1 --rate-limits l:1 {TOKENS}");
    let rate = "--rate-limit principal,inner_tool=60/1m";
    let run = sandbox.run(&format!("{line} --part filters --rate-limit-service {rate}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    check_text("emit_rates_of_a_service", &between(&run.stdout));
    let limits = format!("emit limitador bundle {rate} --rate-limit 9/1day");
    check("emit_limitador_rates", &sandbox.run(&limits));
}

#[test]
fn every_problem_of_a_rate_is_told() {
    let sandbox =
        Sandbox::with(&[("bundle.yaml", "tokens: [session]", "tokens: [session, payload]")]);
    let envoy = format!("emit envoy bundle --upstream a:1 {TOKENS}");
    let istio = format!(
        "emit istio bundle --namespace a --selector a=b --wasm /b.wasm {TOKENS} --jwks https://id/k"
    );
    for (line, expected) in [
        (format!("{envoy} --rate-limit principal=60"), "`principal=60` is not"),
        (format!("{envoy} --rate-limit tol=60/1m"), "by `tol`: did you mean `tool`?"),
        (
            format!("{envoy} --rate-limit tool=60/1m --rate-limit tool=9/60s"),
            "two limits are counted as `tool_per_1m`",
        ),
        (
            format!("{envoy} --rate-limit 60/1m --rate-limit-service"),
            "the bundle has no section `rate_limit_service`",
        ),
        (
            "emit limitador bundle --rate-limit 60/1m".to_owned(),
            "the bundle has no section `rate_limit_service`",
        ),
        (format!("{envoy} --rate-limit-service"), "--rate-limit <"),
        (
            "emit limitador bundle".to_owned(),
            "the bundle has nothing that a rate limit service counts",
        ),
        (
            format!("{istio} --kind wasm-plugin --rate-limit 60/1m"),
            "a plugin resource has no place for other filters",
        ),
    ] {
        let run = sandbox.run(&line);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{line}");
        assert!(run.stderr.contains(expected), "{line}: {}", run.stderr);
    }
}
