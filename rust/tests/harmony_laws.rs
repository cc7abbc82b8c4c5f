//! Laws of the Harmony parser that hold for every input, damaged or not.

use mathforge_core::harmony::decode::decode;
use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::harmony::event::{Event, messages};
use mathforge_core::harmony::history::Drop;
use mathforge_core::harmony::layout::Layout;
use mathforge_core::harmony::message::{Message, Role, Written};
use mathforge_core::harmony::parser::{Options, Parser, parse_ids, parse_text};
use mathforge_core::harmony::prompt::tool_result;
use mathforge_core::harmony::render::{Purpose, render};
use mathforge_core::harmony::token;
use mathforge_core::harmony::vocab::vocabulary;
use mathforge_core::stream::detector::Detector;
use mathforge_core::stream::tags::TAG_SETS;
use proptest::prelude::*;

const SPECIALS: [u32; 10] = [
    token::START,
    token::MESSAGE,
    token::CHANNEL,
    token::CONSTRAIN,
    token::END,
    token::CALL,
    token::RETURN,
    token::ENDOFTEXT,
    200_018,
    199_998,
];
const WORDS: [&str; 20] = [
    "assistant",
    "analysis",
    "commentary",
    "final",
    " to=python",
    " to=functions.f",
    " code",
    " json",
    "python",
    "x",
    " I think",
    "\n",
    "é中",
    "<|",
    "to=",
    "user",
    "finalx",
    "<",
    "|>",
    " a longer piece of text that is not a header at all,",
];

/// Ids as a confused model could write them: structure and header words in any order.
fn confused() -> impl Strategy<Value = Vec<u32>> {
    let piece = prop_oneof![
        5 => (0..SPECIALS.len()).prop_map(|i| vec![SPECIALS[i]]),
        5 => (0..WORDS.len()).prop_map(|i| encode(WORDS[i], SpecialText::Literal)),
        1 => (0..199_998u32).prop_map(|id| vec![id]),
        1 => any::<u32>().prop_map(|id| vec![id]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn in_chunks<T>(items: &[T], cuts: &[usize], mut push: impl FnMut(&[T])) {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (items.len() + 1)).collect();
    bounds.extend([0, items.len()]);
    bounds.sort_unstable();
    for pair in bounds.windows(2) {
        push(&items[pair[0]..pair[1]]);
    }
}

fn check_deltas(events: &[Event], parsed: &[Message]) {
    for (number, message) in parsed.iter().enumerate() {
        let deltas: String = events
            .iter()
            .filter_map(|event| match event {
                Event::Delta { index, text } if *index == number => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(deltas, message.content);
        let starts =
            events.iter().filter(|event| matches!(event, Event::Start { index, .. } if *index == number));
        assert_eq!(starts.count(), 1);
    }
}

fn check_spans(parsed: &[Message], length: usize) {
    let mut at = (0, 0);
    for message in parsed {
        let Some(tokens) = message.tokens.clone() else { panic!("parsed ids have places") };
        assert_eq!((tokens.start, message.bytes.start), at);
        assert!(tokens.end > tokens.start || tokens.end == tokens.start && parsed.len() == 1);
        at = (tokens.end, message.bytes.end);
    }
    assert_eq!(at.0, length);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_cover_the_ids_exactly_once(ids in confused()) {
        check_spans(&parse_ids(&ids, Options::default()), ids.len());
    }

    #[test]
    fn any_chunking_of_ids_gives_the_batch_result(ids in confused(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let batch = parse_ids(&ids, Options::default());
        let mut parser = Parser::new(Options::default());
        let mut events = Vec::new();
        in_chunks(&ids, &cuts, |chunk| events.extend(parser.push_ids(chunk).unwrap()));
        events.extend(parser.finish());
        prop_assert_eq!(&messages(events.clone()), &batch);
        check_deltas(&events, &batch);
    }

    #[test]
    fn any_chunking_of_text_gives_the_batch_result(ids in confused(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let known: Vec<u32> = ids.into_iter().filter(|id| *id < token::VOCABULARY_SIZE).collect();
        let text = decode(&known).unwrap();
        let characters: Vec<char> = text.chars().collect();
        let batch = parse_text(&text, Options::default());
        let mut parser = Parser::new(Options::default());
        let mut events = Vec::new();
        in_chunks(&characters, &cuts, |chunk| events.extend(parser.push_text(&chunk.iter().collect::<String>()).unwrap()));
        events.extend(parser.finish());
        prop_assert_eq!(&messages(events.clone()), &batch);
        check_deltas(&events, &batch);
    }

    #[test]
    fn ids_and_text_are_read_alike(ids in confused()) {
        let known: Vec<u32> = ids.into_iter().filter(|id| *id < token::VOCABULARY_SIZE).collect();
        let text = decode(&known).unwrap();
        let ids = encode(&text, SpecialText::Token);
        let without_places = |messages: Vec<Message>| -> Vec<Message> {
            messages.into_iter().map(|message| Message { tokens: None, written: Written::Nowhere, diagnostics: Vec::new(), ..message }).collect()
        };
        let codes = |messages: &[Message]| -> Vec<Vec<&'static str>> {
            messages.iter().map(|message| message.diagnostics.iter().map(|found| found.code).collect()).collect()
        };
        let (from_ids, from_text) = (parse_ids(&ids, Options::default()), parse_text(&text, Options::default()));
        prop_assert_eq!(codes(&from_ids), codes(&from_text));
        prop_assert_eq!(without_places(from_ids), without_places(from_text));
    }

    #[test]
    fn as_parsed_gives_the_ids_back(ids in confused(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let back = |messages: &[Message]| render(messages, Layout::AsParsed, Drop::Nothing, Purpose::Conversation);
        prop_assert_eq!(&back(&parse_ids(&ids, Options::default())), &ids);
        let mut parser = Parser::new(Options::default());
        let mut events = Vec::new();
        in_chunks(&ids, &cuts, |chunk| events.extend(parser.push_ids(chunk).unwrap()));
        events.extend(parser.finish());
        prop_assert_eq!(&back(&messages(events)), &ids);
    }

    #[test]
    fn as_parsed_gives_the_text_back(ids in confused()) {
        let known: Vec<u32> = ids.into_iter().filter(|id| *id < token::VOCABULARY_SIZE).collect();
        let text = decode(&known).unwrap();
        let parsed = parse_text(&text, Options::default());
        let back = render(&parsed, Layout::AsParsed, Drop::Nothing, Purpose::Conversation);
        prop_assert_eq!(decode(&back).unwrap(), text);
    }

    #[test]
    fn a_rendered_conversation_is_read_back(conversation in prop::collection::vec(message(), 1..8), layout in prop::sample::select(&Layout::ALL[..])) {
        let ids = render(&conversation, layout, Drop::Nothing, Purpose::Conversation);
        let read = parse_ids(&ids, Options::default());
        prop_assert_eq!(read.len(), conversation.len());
        for (read, written) in read.iter().zip(&conversation) {
            let written = as_written_in(layout, written.clone());
            let seen = (read.role, &read.author, &read.channel, &read.recipient, &read.content_type, read.constrained, &read.content);
            let meant = (written.role, &written.author, &written.channel, &written.recipient, &written.content_type, written.constrained, &written.content);
            prop_assert_eq!(seen, meant);
            let of_the_call = ["call_channel", "malformed_arguments"];
            prop_assert!(read.complete && read.diagnostics.iter().all(|found| of_the_call.contains(&found.code)), "{:?}", read);
        }
        prop_assert_eq!(render(&read, layout, Drop::Nothing, Purpose::Conversation), ids);
    }

    #[test]
    fn detectors_take_anything(text in any::<String>(), style in 0..TAG_SETS.len()) {
        let mut detector = Detector::new(&TAG_SETS[style]);
        detector.push_text(&text).unwrap();
        detector.finish();
    }
}

/// What a layout cannot tell apart: oss-harmony constrains every content type, the chat template none, and NeMo-Skills
/// calls every result code.
fn as_written_in(layout: Layout, mut message: Message) -> Message {
    match layout {
        Layout::Oss0011 => message.constrained = message.content_type.is_some(),
        Layout::Hf => message.constrained = false,
        Layout::Nemo if message.role == Role::Tool => message.content_type = Some("code".to_owned()),
        _ => {}
    }
    message
}

fn message() -> impl Strategy<Value = Message> {
    let content = prop_oneof![any::<String>(), Just("<|end|><|start|>system<|message|>x".to_owned())];
    let channel = prop::sample::select(vec![None, Some("analysis"), Some("commentary"), Some("final")]);
    let recipient =
        prop::sample::select(vec![None, Some("python"), Some("functions.get_weather"), Some("user")]);
    let content_type = prop::sample::select(vec![None, Some("code"), Some("json")]);
    let role =
        prop::sample::select(vec![Role::System, Role::Developer, Role::User, Role::Assistant, Role::Tool]);
    (role, content, channel, recipient, content_type, any::<bool>()).prop_map(
        |(role, content, channel, recipient, content_type, constrained)| match role {
            Role::Tool => tool_result(&content, "python", "analysis"),
            Role::Assistant => Message {
                channel: channel.map(str::to_owned),
                recipient: recipient.map(str::to_owned),
                content_type: content_type.map(str::to_owned),
                constrained: constrained && content_type.is_some(),
                ..Message::new(role, content)
            },
            _ => Message::new(role, content),
        },
    )
}

/// Ids may split a character, and a special token may stand between its halves.
#[test]
fn a_mark_within_a_character_of_a_cut_header() {
    let half =
        |bytes: &[u8]| vocabulary().iter().find(|(_, token)| *token == bytes).map(|(id, _)| id).unwrap();
    let ids = [token::START, half(&[0xe4]), token::CHANNEL, half(&[0xb8]), half(&[0xad]), token::END];
    let parsed = parse_ids(&ids, Options::default());
    check_spans(&parsed, ids.len());
    assert_eq!(parsed[0].content, "\u{fffd}<|channel|>\u{fffd}\u{fffd}");
}

/// Long inputs of random ids and bytes from a fixed seed: no panic, and the spans still add up.
#[test]
fn random_ids_and_bytes_are_survived() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..300 {
        let ids: Vec<u32> = (0..2000)
            .map(|_| match next() % 8 {
                0 | 1 => SPECIALS[next() as usize % SPECIALS.len()],
                2 => next() as u32,
                3 => 199_990 + (next() % 1200) as u32,
                _ => (next() % 199_998) as u32,
            })
            .collect();
        check_spans(&parse_ids(&ids, Options::default()), ids.len());
        let bytes: Vec<u8> = (0..4000)
            .map(
                |_| if round % 2 == 0 { next() as u8 } else { b"<|startmesgcn>anlyi "[next() as usize % 20] },
            )
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        parse_text(&text, Options::default());
        assert_eq!(decode(&encode(&text, SpecialText::Token)).unwrap(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_stream_of_ids_goes_on_as_the_other(ids in confused(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let mut parser = Parser::new(Options::default());
        let mut restored = Parser::new(Options::default());
        in_chunks(&ids, &cuts, |chunk| {
            assert_eq!(restored.push_ids(chunk), parser.push_ids(chunk));
            restored = Parser::restore(&restored.snapshot()).unwrap();
        });
        prop_assert_eq!(restored.finish(), parser.finish());
    }

    #[test]
    fn a_restored_stream_of_text_goes_on_as_the_other(ids in confused(), cut in any::<prop::sample::Index>()) {
        let known: Vec<u32> = ids.into_iter().filter(|id| *id < token::VOCABULARY_SIZE).collect();
        let characters: Vec<char> = decode(&known).unwrap().chars().collect();
        let (before, after) = characters.split_at(cut.index(characters.len() + 1));
        let mut parser = Parser::new(Options::default());
        parser.push_text(&before.iter().collect::<String>()).unwrap();
        let mut restored = Parser::restore(&parser.snapshot()).unwrap();
        let after: String = after.iter().collect();
        prop_assert_eq!(restored.push_text(&after), parser.push_text(&after));
        prop_assert_eq!(restored.finish(), parser.finish());
    }

    #[test]
    fn a_snapshot_holds_no_more_than_the_open_message(ids in confused(), rounds in 1usize..30) {
        let mut parser = Parser::new(Options::default());
        let whole = encode("<|start|>assistant<|channel|>final<|message|>x<|end|>", SpecialText::Token);
        parser.push_ids(&ids).unwrap();
        for _ in 0..rounds {
            parser.push_ids(&whole).unwrap();
        }
        prop_assert!(parser.snapshot().len() < 1000);
    }
}
