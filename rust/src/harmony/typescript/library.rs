//! As openai-harmony 0.0.8 and oss-harmony 0.0.11 write it.

use serde_json::Value;

use super::{Function, list, optional_mark, properties, text};

pub fn function(function: &Function, out: &mut String) {
    for line in function.description.lines() {
        *out += &format!("// {line}\n");
    }
    let signature = match &function.parameters {
        Some(schema) => format!("(_: {}) => any;", type_of(schema, "")),
        None => "() => any;".to_owned(),
    };
    *out += &format!("type {} = {signature}\n\n", function.name);
}

/// The type that a schema describes; `indent` begins each of its lines but the first.
fn type_of(schema: &Value, indent: &str) -> String {
    if let Some(variants) = list(schema, "oneOf") {
        return union(variants, indent);
    }
    if let Some(names) = list(schema, "type") {
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).map(name).collect();
        if !names.is_empty() {
            return names.join(" | ");
        }
    }
    match text(schema, "type") {
        Some("object") => object(schema, indent),
        Some("string") => choices(schema).unwrap_or_else(|| "string".to_owned()),
        Some("array") => match schema.get("items") {
            Some(items) => format!("{}[]", type_of(items, indent)),
            None => "Array<any>".to_owned(),
        },
        Some(word @ ("number" | "integer" | "boolean")) => name(word).to_owned(),
        _ => "any".to_owned(),
    }
}

fn name(word: &str) -> &str {
    if word == "integer" { "number" } else { word }
}

fn nullable_type(schema: &Value, indent: &str) -> String {
    let mut written = type_of(schema, indent);
    if schema.get("nullable").and_then(Value::as_bool) == Some(true) && !written.contains("null") {
        written += " | null";
    }
    written
}

fn choices(schema: &Value) -> Option<String> {
    let quoted: Vec<String> =
        list(schema, "enum")?.iter().filter_map(Value::as_str).map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" | "))
}

fn union(variants: &[Value], indent: &str) -> String {
    let deeper = format!("{indent}   ");
    let mut out = String::new();
    for variant in variants {
        out += &format!("\n{indent} | {}", nullable_type(variant, &deeper));
        let default = variant.get("default").map(|value| match value.as_str() {
            Some(word) if !is_enum(variant) => format!("default: \"{word}\""),
            _ => format!("default: {value}"),
        });
        out += &comment(text(variant, "description").map(str::to_owned).into_iter().chain(default));
    }
    out
}

fn comment(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { String::new() } else { format!(" // {}", parts.join(" ")) }
}

fn is_enum(schema: &Value) -> bool {
    list(schema, "enum").is_some_and(|choices| !choices.is_empty())
}

/// A word of an enum stands bare, another string in quotes, anything else as JSON.
fn default_of(schema: &Value) -> Option<String> {
    let value = schema.get("default")?;
    Some(match value.as_str() {
        Some(word) if is_enum(schema) => format!("default: {word}"),
        Some(word) => format!("default: \"{word}\""),
        None => format!("default: {value}"),
    })
}

fn object(schema: &Value, indent: &str) -> String {
    let mut out = String::new();
    if let Some(description) = text(schema, "description") {
        out += &format!("{indent}// {description}\n");
    }
    out += "{\n";
    for (name, property) in properties(schema).into_iter().flatten() {
        self::property(name, optional_mark(name, schema), property, indent, &mut out);
    }
    out + indent + "}"
}

fn property(name: &str, mark: &str, schema: &Value, indent: &str, out: &mut String) {
    if let Some(title) = text(schema, "title") {
        *out += &format!("{indent}// {title}\n{indent}//\n");
    }
    if schema.get("oneOf").is_none()
        && let Some(description) = text(schema, "description")
    {
        *out += &format!("{indent}// {description}\n");
    }
    if let Some(examples) = list(schema, "examples").filter(|examples| !examples.is_empty()) {
        *out += &format!("{indent}// Examples:\n");
        for example in examples.iter().filter_map(Value::as_str) {
            *out += &format!("{indent}// - \"{example}\"\n");
        }
    }
    if let Some(variants) = list(schema, "oneOf") {
        return union_property(name, mark, schema, variants, indent, out);
    }
    *out += &format!("{indent}{name}{mark}: {},", nullable_type(schema, &format!("{indent}    ")));
    if schema.get("oneOf").is_none()
        && let Some(default) = default_of(schema)
    {
        *out += &format!(" // {default}");
    }
    out.push('\n');
}

fn union_property(
    name: &str,
    mark: &str,
    schema: &Value,
    variants: &[Value],
    indent: &str,
    out: &mut String,
) {
    let description = text(schema, "description");
    let first = variants.first().and_then(|variant| text(variant, "description"));
    let is_above = description.is_some() && description != first;
    if let Some(description) = description.filter(|_| is_above) {
        *out += &format!("{indent}// {description}\n");
    }
    if let Some(default) = default_of(schema) {
        *out += &format!("{indent}// {default}\n");
    }
    *out += &format!("{indent}{name}{mark}:\n");
    for (index, variant) in variants.iter().enumerate() {
        let own = text(variant, "description").filter(|own| {
            // What was said above is not said again, nor is the first variant's own when something was.
            !(index == 0 && is_above) && Some(*own) != description
        });
        let comments = comment(own.map(str::to_owned).into_iter().chain(default_of(variant)));
        *out += &format!("{indent} | {}{comments}\n", nullable_type(variant, &format!("{indent}   ")));
    }
    *out += &format!("{indent},\n");
}
