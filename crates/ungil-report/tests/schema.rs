//! `docs/schema/compare-1.schema.json` against what [`ungil_report::json`] writes.

mod example;

use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

fn schema() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/compare-1.schema.json");
    let text = std::fs::read_to_string(path).expect("the schema is in docs/");
    serde_json::from_str(&text).expect("the schema is JSON")
}

fn document() -> Value {
    let text = ungil_report::json(&example::comparison()).expect("plain data");
    serde_json::from_str(&text).expect("our own document")
}

fn validate(schema: Value, document: &Value) -> Result<(), String> {
    let mut compiler = Compiler::new();
    compiler
        .add_resource("schema.json", schema)
        .expect("a resource");
    let mut schemas = Schemas::new();
    let index = compiler
        .compile("schema.json", &mut schemas)
        .expect("a valid schema");
    schemas
        .validate(document, index)
        .map_err(|error| format!("{error:#}"))
}

/// Calls `change` on every object of the tree.
fn each_object(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            change(map);
            map.values_mut()
                .for_each(|value| each_object(value, change));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| each_object(value, change)),
        _ => {}
    }
}

#[test]
fn documents_are_valid() {
    validate(schema(), &document()).expect("valid");
}

/// The published schema lets later writers add fields; ours may not write one that it leaves out.
#[test]
fn every_field_is_documented() {
    let mut strict = schema();
    each_object(&mut strict, &mut |map| {
        if map.contains_key("properties") && map.get("type") == Some(&json!("object")) {
            map.insert("additionalProperties".into(), json!(false));
            for (name, property) in map["properties"].as_object().expect("an object") {
                assert!(
                    property.get("description").is_some(),
                    "{name} has no description"
                );
            }
        }
    });
    validate(strict, &document()).expect("documented");
}

/// The example must show every field at least once with a value, else its type goes unchecked.
#[test]
fn example_has_every_optional_field() {
    let mut seen = std::collections::BTreeMap::new();
    each_object(&mut document(), &mut |map| {
        for (name, value) in map.iter() {
            *seen.entry(name.clone()).or_insert(false) |= !value.is_null();
        }
    });
    let never: Vec<_> = seen
        .iter()
        .filter(|(_, valued)| !**valued)
        .map(|(name, _)| name)
        .collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn broken_documents_are_refused() {
    let break_with = |pointer: &str, value: Value| {
        let mut broken = document();
        *broken
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer} exists")) = value;
        validate(schema(), &broken).expect_err(pointer)
    };
    break_with("/schema_version", json!(2));
    break_with("/machine/usable_cpus", json!("four"));
    break_with("/machine/python/gil", json!("on"));
    break_with("/workloads/0/serial/runs/0/wall_s", Value::Null);
    break_with("/workloads/0/kinds/0/amdahl/status", json!("maybe"));
    break_with(
        "/workloads/0/kinds/0/amdahl/law/serial_fraction",
        json!(1.5),
    );
    break_with("/workloads/0/verdict/confidence", json!("very"));
    break_with("/workloads/2/warnings/0/code", json!("unheard_of"));
    let mut short = document();
    short["workloads"][0]
        .as_object_mut()
        .expect("an object")
        .remove("verdict");
    validate(schema(), &short).expect_err("a field is missing");
}
