//! `toolgate inventory` with an OpenAPI document

use serde_json::{Value, json};

use super::sandbox::{Sandbox, check, check_text};

const FILE: &str = "bundle/tools/orders.json";

fn orders() -> String {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/offers/orders.yaml");
    #[expect(clippy::disallowed_methods, reason = "tests read the tree itself")]
    std::fs::read_to_string(path).unwrap()
}

/// The tools of a document.
fn tools(document: &Value) -> Value {
    let sandbox = Sandbox::new();
    sandbox.write("api.json", &document.to_string());
    let run = sandbox.run("inventory bundle --server orders api.json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str::<Value>(&sandbox.read(FILE)).unwrap()["tools"].clone()
}

#[test]
fn an_api() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.yaml", &orders());
    check("openapi_unfit", &sandbox.run("inventory bundle --server orders orders.yaml"));
    let run = sandbox.run("inventory bundle --server orders orders.yaml --skip uploadReceipt");
    check("openapi", &run);
    check_text("openapi_file", &sandbox.read(FILE));
    super::inventory::paste(&sandbox, &run.stdout);
    let checked = sandbox.run("check bundle");
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    sandbox.write(
        "orders.yaml",
        &orders().replace("maximum: 100", "maximum: 1000").replace("/lines", "/all"),
    );
    let line = "inventory bundle --server orders orders.yaml --skip uploadReceipt --compare";
    check("openapi_compare", &sandbox.run(line));
}

#[test]
fn what_3_1_says_in_other_words() {
    let document = json!({ "openapi": "3.1.0", "paths": { "/pets/{id}": { "$ref": "#/components/pathItems/Pet" } },
        "components": {
            "pathItems": { "Pet": { "get": {
                "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "integer", "exclusiveMinimum": 0 } },
                    { "name": "filter", "in": "query", "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Filter", "description": "which" } } } }] } } },
            "schemas": { "Filter": { "type": ["object", "null"], "properties": { "name": { "const": "a" } } } } } });
    let tools = tools(&document);
    assert_eq!(tools[0]["name"], "get_pets_id");
    assert_eq!(
        tools[0]["inputSchema"],
        json!({ "type": "object", "required": ["id"],
            "properties": {
                "id": { "type": "integer", "exclusiveMinimum": 0 },
                "filter": { "$ref": "#/$defs/Filter", "description": "which" } },
            "$defs": { "Filter": { "type": ["object", "null"], "properties": { "name": { "const": "a" } } } } })
    );
}

/// A body's members become arguments only if that is equivalent to the body's schema.
#[test]
fn bodies_that_are_one_argument() {
    let whole = |schema: Value| {
        let body = json!({ "required": true, "content": { "application/json; charset=utf-8": { "schema": schema } } });
        let document = json!({ "openapi": "3.0.0", "paths": { "/a": { "post": { "operationId": "a", "requestBody": body } } } });
        tools(&document)[0]["inputSchema"].clone()
    };
    for schema in [
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        json!({ "type": "object", "properties": { "x": { "type": "string" } }, "minProperties": 1 }),
        json!({ "oneOf": [{ "type": "object", "properties": { "x": { "type": "string" } } }] }),
        json!({ "allOf": [
            { "type": "object", "properties": { "x": { "type": "string" } } },
            { "type": "object", "properties": { "x": { "type": "integer" } } }] }),
    ] {
        let input = whole(schema.clone());
        assert_eq!(input["properties"], json!({ "body": schema }));
        assert_eq!(input["required"], json!(["body"]));
    }
    let closed = json!({ "type": "object", "additionalProperties": false, "required": ["x"],
        "properties": { "x": { "type": "string" }, "y": { "type": "string", "readOnly": true } } });
    assert_eq!(
        whole(closed),
        json!({ "type": "object", "properties": { "x": { "type": "string" } }, "required": ["x"] })
    );
}

#[test]
fn the_fields_of_a_form_are_arguments() {
    let form = json!({ "type": "object", "required": ["Name"],
        "properties": { "Name": { "type": "string" }, "CodeLength": { "type": "integer" } } });
    let other = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let input = |content: Value| {
        let operation =
            json!({ "operationId": "CreateService", "requestBody": { "content": content } });
        let document =
            json!({ "openapi": "3.0.1", "paths": { "/v2/Services": { "post": operation } } });
        tools(&document)[0]["inputSchema"].clone()
    };
    for name in
        ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"]
    {
        let fields = input(json!({ name: { "schema": form } }));
        assert_eq!(fields["properties"], form["properties"], "{name}");
        let both =
            input(json!({ name: { "schema": form }, "application/json": { "schema": other } }));
        assert_eq!(both["properties"], other["properties"], "{name}");
    }
}

#[test]
fn everything_that_cannot_be_taken_over() {
    let reference = |to: &str| json!({ "$ref": to });
    let document = json!({ "openapi": "3.0.3", "paths": {
        "/a/{b}": { "get": { "operationId": "same", "parameters": [
            { "name": "x", "in": "query" },
            { "name": "y", "in": "body", "schema": {} },
            reference("#/components/parameters/None"),
            { "name": "z", "in": "query", "schema": reference("other.yaml#/Z") }] } },
        "/c": {
            "get": { "operationId": "same", "requestBody": { "content": { "application/json": {} } } },
            "post": { "operationId": "b", "requestBody": { "content": { "application/json": {
                "schema": { "type": "array", "items": reference("#/components/schemas/None") } } } } },
            "put": { "operationId": "r", "responses": { "200": reference("#/components/responses/Loop") } },
            "delete": { "operationId": "p".repeat(129) } },
        "e": {}, "/d": reference("#/nowhere") },
        "components": { "responses": { "Loop": reference("#/components/responses/Loop") } } });
    let sandbox = Sandbox::new();
    sandbox.write("api.json", &document.to_string());
    check("openapi_unfit_all", &sandbox.run("inventory bundle --server orders api.json"));
    assert!(!sandbox.path(FILE).exists());
}
