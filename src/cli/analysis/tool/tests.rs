//! Compares analyses of a tool with its schema.

use cedar_policy::{Authorizer, Decision, Entities, EvalResult, PolicySet};
use proptest::prelude::*;
use serde_json::json;

use crate::tool::tests::model::{Choices, Model, arguments};
use crate::tool::tests::properties::choices;
use crate::tool::tests::{build, context, given, marks, request, tool};
use crate::tool::{Marks, Tool};

/// The value of `context.input` for these arguments.
fn seen(tool: &Tool, arguments: &str) -> EvalResult {
    let input = build(tool, arguments).expect("what fits");
    context(input).get("input").expect("the input")
}

proptest! {
    #[test]
    fn what_policies_see_can_be_written_again(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let seen = seen(&tool, &value);
        let written = tool.written(&seen);
        prop_assert!(written.is_some(), "{value}: {seen}");
        let again = self::seen(&tool, &written.clone().unwrap_or_default().to_string());
        // The same time can be spelled differently.
        prop_assert_eq!(tool.written(&again), written, "{}", value);
    }

    #[test]
    fn conditions_hold(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let input = build(&tool, &value).expect("what fits");
        let request = request(&tool, input).expect("a request");
        for condition in tool.conditions() {
            let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
            let policies: PolicySet = policy.parse().expect("a policy");
            let answer = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
            prop_assert_eq!(answer.decision(), Decision::Allow, "{} of {}", condition, value);
        }
    }
}

#[test]
fn what_is_required_and_not_null_is_certain() {
    let to = json!({ "type": "object", "required": ["all"], "properties": {
        "all": { "type": "boolean" }, "some": { "type": "boolean", "default": true } } });
    let pair = json!({ "prefixItems": [to, { "type": ["string", "null"] }] });
    let schema = json!({ "type": "object",
        "required": ["id", "null", "to", "form", "pair", "extra"],
        "properties": {
            "id": { "type": "string", "default": "a" }, "null": { "type": ["string", "null"] },
            "limit": { "type": "integer" }, "to": to, "cc": to, "pair": pair, "extra": {},
            "form": { "anyOf": [to, { "type": "string" }] } } });
    let tool = tool(schema, marks(&[], &["extra"]));
    let check = |path: &str, expected: bool| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        assert_eq!(tool.is_certain(&path), expected, "{path:?}");
    };
    for certain in
        ["id", "to", "to.all", "cc.all", "form", "form.typeChoice0.all", "pair.proj0.all"]
    {
        check(certain, true);
    }
    for uncertain in [
        "null",
        "limit",
        "to.some",
        "cc",
        "form.typeChoice0",
        "form.typeChoice0.some",
        "form.typeChoice1.all",
        "pair.proj1",
        "pair.proj2",
        "extra",
        "extra.a",
        "none",
        "id.a",
    ] {
        check(uncertain, false);
    }
    check("pair.proj0", true);
}

/// A tool in which one argument chooses between two types of another.
fn choosing(models: &[Model; 2]) -> Tool {
    let of = json!({ "first": models[0].schema(), "other one": models[1].schema() });
    let schema = json!({ "type": "object", "required": ["which", "what"],
        "properties": { "which": { "type": "string" }, "what": { "type": "object" } } });
    tool(schema, given(&json!({ "what": { "by": "which", "of": of } })))
}

proptest! {
    #[test]
    fn a_choice_can_be_written_again_and_its_conditions_hold(
        models in [arguments(), arguments()],
        other: bool,
        choices in choices(),
    ) {
        let tool = choosing(&models);
        let which = if other { "other one" } else { "first" };
        let what = models[usize::from(other)].value(&mut Choices(choices.into_iter()));
        let value = json!({ "which": which, "what": what }).to_string();
        let input = build(&tool, &value).expect("what fits");
        let request = request(&tool, input.clone()).expect("a request");
        for condition in tool.conditions() {
            let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
            let policies: PolicySet = policy.parse().expect("a policy");
            let answer = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
            prop_assert_eq!(answer.decision(), Decision::Allow, "{} of {}", condition, value);
        }
        let written = tool.written(&seen(&tool, &value)).unwrap_or_default();
        prop_assert_eq!(&written["which"], which, "{}", value);
        prop_assert!(build(&tool, &written.to_string()).is_ok(), "{} as {}", value, written);
        let examples = tool.examples();
        let chosen = |name: &str| examples.iter().any(|example| example["which"] == name);
        prop_assert!(chosen("first") && chosen("other one"), "{:?}", examples);
    }
}

#[test]
fn an_attribute_that_another_argument_chooses() {
    let object = |required: &[&str]| json!({ "type": "object", "required": required, "properties": { "n": { "enum": ["a"] } } });
    let of = json!({ "read": object(&["n"]), "write": object(&[]) });
    let schema = json!({ "type": "object", "required": ["which", "what"],
        "properties": { "which": { "type": "string" }, "what": {} } });
    let tool = tool(schema, given(&json!({ "what": { "by": "which", "of": of } })));
    for (path, chosen, certain, enumerated) in [
        ("what", false, true, false),
        ("what.read", true, false, false),
        ("what.read.n", false, true, true),
        ("what.write.n", false, false, true),
        ("what.wipe", false, false, false),
        ("which", false, true, false),
        ("which.read", false, false, false),
    ] {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let found =
            (tool.is_chosen(&path), tool.is_certain(&path), tool.enumeration(&path).is_some());
        assert_eq!(found, (chosen, certain, enumerated), "{path:?}");
    }
}

#[test]
fn what_policies_do_not_see_is_named() {
    let schema = json!({ "type": "object", "properties": {
        "id": { "type": "string" }, "any": {}, "list": { "type": "array", "items": { "type": "object", "properties": { "free": {} } } },
        "either": { "anyOf": [{ "type": "string" }, { "type": "object", "properties": { "free": {}, "n": { "type": "integer" } } }] } } });
    let tool = tool(schema, marks(&[], &["any", "list.free", "either.free", "*"]));
    let text = r#"{"id":"a","any":{"b":1},"list":[{"free":1},{"free":2}],"either":{"free":1,"n":2},"more":1}"#;
    let value = crate::json::read(text.as_bytes(), 8).expect("JSON");
    let unread = tool.unread(value.as_object().expect("an object"));
    assert_eq!(Vec::from_iter(unread), ["any", "either.free", "list.free", "more"]);
}
