//! Which arguments no call can leave out.

use serde_json::json;

use super::{marks, tool};

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
