//! Law: a translated function does what the legacy proposal says the original does. Random programs run in wasmtime
//! and in a small interpreter of the legacy semantics; both must log the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write;

use mathforge_sandbox::exnref::translate;
use proptest::prelude::*;
use wasmtime::{Caller, Config, Engine, Linker, Module, Store};

/// Numbers that name a label are taken modulo the labels in scope.
#[derive(Clone, Debug)]
enum Node {
    Log(i32),
    Throw(Tag, i32),
    Block(Vec<Node>),
    /// By a bit of the argument.
    If(u32, Vec<Node>, Vec<Node>),
    Br(usize),
    Try(Vec<Node>, Vec<(Option<Tag>, Vec<Node>)>),
    Delegate(Vec<Node>, usize),
    /// The n-th handler outwards; nothing outside of handlers.
    Rethrow(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Value,
    Empty,
}

#[derive(Clone, Copy, Debug)]
struct Exception {
    tag: Tag,
    value: i32,
}

fn program() -> impl Strategy<Value = Vec<Node>> {
    let tag = prop_oneof![Just(Tag::Value), Just(Tag::Empty)];
    let leaf = prop_oneof![
        3 => (0..100).prop_map(Node::Log),
        3 => (tag.clone(), 0..100).prop_map(|(tag, value)| Node::Throw(tag, value)),
        1 => (0..8_usize).prop_map(Node::Br),
        2 => (0..4_usize).prop_map(Node::Rethrow),
    ];
    let node = leaf.prop_recursive(6, 80, 5, move |inner| {
        let body = prop::collection::vec(inner, 0..5);
        let handler = (prop::option::of(tag.clone()), body.clone());
        let handlers = prop::collection::vec(handler, 0..4).prop_map(|mut handlers| {
            // A catch_all is the last handler.
            if let Some(all) = handlers.iter().position(|(tag, _)| tag.is_none()) {
                handlers.truncate(all + 1);
            }
            handlers
        });
        prop_oneof![
            1 => body.clone().prop_map(Node::Block),
            2 => (0..4_u32, body.clone(), body.clone()).prop_map(|(bit, yes, no)| Node::If(bit, yes, no)),
            4 => (body.clone(), handlers).prop_map(|(body, handlers)| Node::Try(body, handlers)),
            3 => (body, 0..8_usize).prop_map(|(body, to)| Node::Delegate(body, to)),
        ]
    });
    prop::collection::vec(node, 1..6)
}

/// A label in scope; handlers know their exception when running, but not when written as text.
#[derive(Clone, Copy, Debug)]
enum Label {
    Plain,
    Handler(Option<Exception>),
}

type Labels = Vec<Label>;

fn handlers_in_scope(labels: &Labels) -> Vec<usize> {
    (0..labels.len()).filter(|depth| matches!(labels[labels.len() - 1 - depth], Label::Handler(_))).collect()
}

enum Flow {
    Next,
    Branch(usize),
    Thrown(Exception),
    /// Thrown anew where the label so many levels out stands.
    Delegated(Exception, usize),
}

struct Interpreter {
    argument: u32,
    log: Vec<i32>,
    labels: Labels,
}

impl Interpreter {
    fn run(program: &[Node], argument: u32) -> Vec<i32> {
        let mut interpreter = Self { argument, log: Vec::new(), labels: vec![] };
        match interpreter.scope(program, Label::Plain) {
            Flow::Thrown(Exception { tag: Tag::Value, value }) => interpreter.log.extend([value, -1]),
            Flow::Thrown(_) => interpreter.log.push(-2),
            _ => {}
        }
        interpreter.log
    }

    /// Runs a body under a label of its own. What aims at this label has arrived, and goes on as `Next` or `Thrown`.
    fn scope(&mut self, body: &[Node], label: Label) -> Flow {
        self.labels.push(label);
        let flow = body.iter().map(|node| self.node(node)).find(|flow| !matches!(flow, Flow::Next));
        self.labels.pop();
        match flow.unwrap_or(Flow::Next) {
            Flow::Branch(0) => Flow::Next,
            Flow::Branch(depth) => Flow::Branch(depth - 1),
            Flow::Delegated(exception, 0) => Flow::Thrown(exception),
            Flow::Delegated(exception, depth) => Flow::Delegated(exception, depth - 1),
            flow => flow,
        }
    }

    fn node(&mut self, node: &Node) -> Flow {
        match node {
            Node::Log(value) => {
                self.log.push(*value);
                Flow::Next
            }
            Node::Throw(tag, value) => Flow::Thrown(Exception { tag: *tag, value: *value }),
            Node::Block(body) => self.scope(body, Label::Plain),
            Node::If(bit, yes, no) => {
                self.scope(if self.argument >> bit & 1 == 1 { yes } else { no }, Label::Plain)
            }
            Node::Br(label) => Flow::Branch(label % self.labels.len()),
            Node::Rethrow(nth) => {
                let handlers = handlers_in_scope(&self.labels);
                if handlers.is_empty() {
                    return Flow::Next;
                }
                let depth = handlers[nth % handlers.len()];
                match self.labels[self.labels.len() - 1 - depth] {
                    Label::Handler(Some(exception)) => Flow::Thrown(exception),
                    label => panic!("a rethrow at {label:?}"),
                }
            }
            Node::Try(body, handlers) => match self.scope(body, Label::Plain) {
                Flow::Thrown(exception) => {
                    let handler = handlers.iter().find(|(tag, _)| tag.is_none_or(|tag| tag == exception.tag));
                    let Some((tag, handler)) = handler else { return Flow::Thrown(exception) };
                    if *tag == Some(Tag::Value) {
                        self.log.push(exception.value);
                    }
                    self.scope(handler, Label::Handler(Some(exception)))
                }
                flow => flow,
            },
            Node::Delegate(body, to) => match self.scope(body, Label::Plain) {
                Flow::Thrown(exception) => Flow::Delegated(exception, to % self.labels.len()),
                flow => flow,
            },
        }
    }
}

fn write_text(nodes: &[Node], labels: &mut Labels, text: &mut String) {
    for node in nodes {
        let mut scope = |body: &[Node], label, text: &mut String| {
            labels.push(label);
            write_text(body, labels, text);
            labels.pop();
        };
        match node {
            Node::Log(value) => write!(text, "(call $log (i32.const {value}))").unwrap(),
            Node::Throw(Tag::Value, value) => write!(text, "(throw $value (i32.const {value}))").unwrap(),
            Node::Throw(Tag::Empty, _) => text.push_str("(throw $empty)"),
            Node::Br(label) => write!(text, "br {}", label % labels.len()).unwrap(),
            Node::Rethrow(nth) => {
                let handlers = handlers_in_scope(labels);
                if !handlers.is_empty() {
                    write!(text, "rethrow {}", handlers[nth % handlers.len()]).unwrap();
                }
            }
            Node::Block(body) => {
                text.push_str("block\n");
                scope(body, Label::Plain, text);
                text.push_str("end");
            }
            Node::If(bit, yes, no) => {
                writeln!(text, "(i32.and (i32.shr_u (local.get 0) (i32.const {bit})) (i32.const 1)) if")
                    .unwrap();
                scope(yes, Label::Plain, text);
                text.push_str("else\n");
                scope(no, Label::Plain, text);
                text.push_str("end");
            }
            Node::Try(body, handlers) => {
                text.push_str("try\n");
                scope(body, Label::Plain, text);
                for (tag, handler) in handlers {
                    text.push_str(match tag {
                        Some(Tag::Value) => "catch $value call $log\n",
                        Some(Tag::Empty) => "catch $empty\n",
                        None => "catch_all\n",
                    });
                    scope(handler, Label::Handler(None), text);
                }
                text.push_str("end");
            }
            Node::Delegate(body, to) => {
                text.push_str("try\n");
                scope(body, Label::Plain, text);
                write!(text, "delegate {}", to % labels.len()).unwrap();
            }
        }
        text.push('\n');
    }
}

fn module_text(program: &[Node]) -> String {
    let mut body = String::new();
    write_text(program, &mut vec![Label::Plain], &mut body);
    format!(
        "(module
           (import \"t\" \"log\" (func $log (param i32)))
           (tag $value (param i32)) (tag $empty)
           (func $program (param i32) {body})
           (func (export \"run\") (param i32)
             try (call $program (local.get 0))
             catch $value (call $log) (call $log (i32.const -1))
             catch_all (call $log (i32.const -2))
             end))"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn translated_programs_do_what_the_originals_say(program in program()) {
        let translated = translate(&wat::parse_str(module_text(&program)).unwrap()).unwrap();
        let mut config = Config::new();
        config.wasm_exceptions(true).wasm_gc(true).wasm_function_references(true);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, &translated).unwrap();
        let mut linker: Linker<Vec<i32>> = Linker::new(&engine);
        linker.func_wrap("t", "log", |mut caller: Caller<'_, Vec<i32>>, value: i32| caller.data_mut().push(value)).unwrap();
        for argument in 0..16_u32 {
            let mut store = Store::new(&engine, Vec::new());
            let instance = linker.instantiate(&mut store, &module).unwrap();
            let run = instance.get_typed_func::<i32, ()>(&mut store, "run").unwrap();
            run.call(&mut store, argument as i32).unwrap();
            prop_assert_eq!(store.into_data(), Interpreter::run(&program, argument));
        }
    }
}
