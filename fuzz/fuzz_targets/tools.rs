//! Tools and unmarked output: arbitrary JSON becomes a developer message or a named error, in every layout, and output
//! without markers is split without losing a byte.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::harmony::layout::Layout;
use mathforge_core::harmony::prompt::developer;
use mathforge_core::harmony::typescript::functions;
use mathforge_core::harmony::unmarked::parse_unmarked;

fuzz_target!(|input: (&str, &str, Vec<u8>)| {
    let (schema, text, pieces) = input;
    for json in [schema.to_owned(), format!(r#"[{{"name": "f", "parameters": {schema}}}]"#)] {
        if let Ok(tools) = functions(&json) {
            for layout in Layout::ALL {
                assert!(tools.is_empty() || developer(None, &tools, layout).content.ends_with("} // namespace functions"));
            }
        }
    }
    let words = ["assistant", "analysis", "final", "commentary", " to=", "python", " code", "functions.f", " json", "x"];
    let text: String = pieces.iter().map(|&piece| words[piece as usize % words.len()]).collect::<String>() + text;
    if let Some(messages) = parse_unmarked(&text) {
        let back: String = messages.iter().map(|message| format!("{}{}", message.header, message.content)).collect();
        assert_eq!(back, text);
    }
});
