//! Properties of every command line.

use super::sandbox::{Sandbox, check};

#[test]
fn help_is_data_and_succeeds() {
    let sandbox = Sandbox::new();
    check("help", &sandbox.run("--help"));
    for verb in [
        "check",
        "test",
        "explain",
        "diff",
        "build",
        "init",
        "inventory",
        "emit envoy",
        "emit ecds",
        "emit istio",
        "emit envoy-gateway",
        "keys",
        "approvals",
        "approvals sign",
        "serve authzen",
    ] {
        let run = sandbox.run(&format!("{verb} --help"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{verb}");
        assert!(run.stdout.contains("Example"), "{verb}");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_invalid_input() {
    let sandbox = Sandbox::new();
    for line in [
        "",
        "chek bundle",
        "check bundle --denny",
        "build bundle bundle",
        "diff bundle",
        "diff --candidate",
        "diff bundle bundle --candidate --log a",
        "emit ecds bundle",
        "emit ecds bundle --wasm https://r.example/toolgate.wasm",
        "emit envoy bundle",
        "emit envoy bundle --upstream crm",
        "emit istio bundle --selector a=b --namespace a",
        "emit istio bundle --selector a=b --namespace a --image r.example/toolgate:1",
        "emit istio bundle --selector a=b --namespace a --wasm-url https://r.example/toolgate.wasm",
        "emit istio bundle --selector a=b --namespace a --wasm file:///a.wasm",
        "emit envoy-gateway bundle --namespace a --gateway a --wasm oci://r.example/a",
        "emit envoy-gateway bundle --namespace A --gateway a --wasm a.wasm",
        "explain bundle",
        "explain bundle --case a --record b",
        "explain bundle --case a --identity b",
        "explain bundle --request a --arguments b",
    ] {
        let run = sandbox.run(line);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{line}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_insist() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "version: 1", "version: 0")]);
    let coloured = |environment: &[(&str, &str)]| {
        sandbox.run_with("check bundle", "", environment).stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn findings_are_on_stdout_for_programs_whatever_the_verb() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "version: 1", "version: 0")]);
    for line in [
        "check bundle",
        "build bundle",
        "test bundle",
        "explain bundle --case a",
        "diff bundle bundle",
    ] {
        let run = sandbox.run(&format!("{line} --format json"));
        assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{line}");
        assert_eq!(run.json()["findings"][0]["message"], "the version begins at 1", "{line}");
    }
}
