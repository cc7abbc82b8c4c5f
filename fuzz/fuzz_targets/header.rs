//! Headers: whatever stands in one is read without a panic, whole or cut, and what is content of a cut one was written.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::harmony::header::{HeaderText, LONGEST_HEADER, read, recover};
use mathforge_core::harmony::message::Role;
use mathforge_core::harmony::token::Special;

fuzz_target!(|input: (Vec<(&[u8], bool)>, &[u8], bool, &str)| {
    let (parts, end, is_implied, tool) = input;
    let mut header = HeaderText::default();
    for (bytes, is_channel) in parts {
        let special = if is_channel { Special::Channel } else { Special::Constrain };
        let room = LONGEST_HEADER.saturating_sub(header.length() + special.text().len());
        header.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if header.length() + special.text().len() <= LONGEST_HEADER {
            header.mark(special);
        }
    }
    let room = LONGEST_HEADER.saturating_sub(header.length());
    header.bytes.extend_from_slice(&end[..end.len().min(room)]);
    let author = is_implied.then_some(Role::Assistant.word());
    let tools = [tool.to_owned()];
    let fields = read(&header, author, &tools);
    assert!(fields.content.is_empty());
    let written = header.written_from(0, 0);
    assert!(written.ends_with(&recover(&header, author, &tools).content));
});
