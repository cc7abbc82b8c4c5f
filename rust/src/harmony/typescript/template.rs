//! As the chat template of the model's repository writes it.

use serde_json::{Map, Value};

use super::{Function, list, optional_mark, properties, text};

pub fn function(function: &Function, out: &mut String) {
    *out += &format!("// {}\ntype {} = ", function.description, function.name);
    let parameters = function.parameters.as_ref();
    let Some((schema, properties)) = parameters.and_then(|schema| Some((schema, some_properties(schema)?)))
    else {
        *out += "() => any;\n\n";
        return;
    };
    *out += "(_: {\n";
    for (name, property) in properties {
        if let Some(description) = text(property, "description").filter(|text| !text.is_empty()) {
            *out += &format!("// {description}\n");
        }
        *out += &format!("{name}{}: {}", optional_mark(name, schema), type_of(property));
        if let Some(default) = property.get("default") {
            *out += &match default {
                Value::String(word) if is_true(property, "enum") => format!(", // default: {word}"),
                Value::String(word) if is_true(property, "oneOf") => format!("// default: {word}"),
                other => format!(", // default: {}", json(other)),
            };
        }
        *out += ",\n";
    }
    *out += "}) => any;\n\n";
}

fn some_properties(schema: &Value) -> Option<&Map<String, Value>> {
    properties(schema).filter(|properties| !properties.is_empty())
}

/// Whether a field is there and not empty, false or null: what a template takes for true.
fn is_true(schema: &Value, field: &str) -> bool {
    match schema.get(field) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Bool(true)) => true,
    }
}

fn null_mark(schema: &Value) -> &'static str {
    if is_true(schema, "nullable") { " | null" } else { "" }
}

fn type_of(schema: &Value) -> String {
    if text(schema, "type") == Some("array") {
        return array(schema) + null_mark(schema);
    }
    if let Some(names) = list(schema, "type").filter(|names| !names.is_empty()) {
        return names.iter().map(bare).collect::<Vec<_>>().join(" | ");
    }
    if let Some(variants) = list(schema, "oneOf").filter(|variants| !variants.is_empty()) {
        return variants.iter().map(variant).collect::<Vec<_>>().join(" | \n");
    }
    match text(schema, "type") {
        Some("string") if is_true(schema, "enum") => {
            let choices: Vec<String> = list(schema, "enum").into_iter().flatten().map(bare).collect();
            format!("\"{}\"", choices.join("\" | \""))
        }
        Some("string") => format!("string{}", null_mark(schema)),
        Some("number" | "integer") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("object") => object(schema),
        _ => "any".to_owned(),
    }
}

fn array(schema: &Value) -> String {
    let Some(items) = schema.get("items").filter(|_| is_true(schema, "items")) else {
        return "any[]".to_owned();
    };
    match text(items, "type") {
        Some("string") => "string[]".to_owned(),
        Some("number" | "integer") => "number[]".to_owned(),
        Some("boolean") => "boolean[]".to_owned(),
        _ => {
            let inner = type_of(items);
            if inner == "object | object" || inner.chars().count() > 50 {
                "any[]".to_owned()
            } else {
                inner + "[]"
            }
        }
    }
}

fn variant(schema: &Value) -> String {
    let mut out = type_of(schema);
    if let Some(description) = text(schema, "description").filter(|text| !text.is_empty()) {
        out += &format!("// {description}");
    }
    if let Some(default) = schema.get("default") {
        // The blanks are the template's own.
        out += &format!("                    // default: {}", json(default));
    }
    out
}

fn object(schema: &Value) -> String {
    let Some(properties) = some_properties(schema) else { return "object".to_owned() };
    let properties: Vec<String> = properties
        .iter()
        .map(|(name, property)| {
            // So are the line break and the blanks here.
            format!("{name}{}: \n                {}", optional_mark(name, schema), type_of(property))
        })
        .collect();
    format!("{{\n{}}}", properties.join(", "))
}

/// A value as a template prints it: strings without quotes.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| json(value), str::to_owned)
}

/// JSON with a blank behind commas and colons, as Python writes it.
fn json(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::String(name.clone()), json(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
