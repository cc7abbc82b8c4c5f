//! Laws of comparison, on answers drawn from a grammar, on damaged ones and on hostile ones.

use mathforge_core::answer::normalize::normalize;
use mathforge_core::answer::parse::parse;
use mathforge_core::answer::{Policy, Prepared, Reason, VerdictKind, compare};
use proptest::prelude::*;

/// Answers of the kinds people box.
fn answer() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (-999i32..1000).prop_map(|n| n.to_string()),
        (1u32..99, 1u32..99).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
        (0u32..99, 0u32..9999).prop_map(|(a, b)| format!("{a}.{b}")),
        (1u32..20, 1u32..50).prop_map(|(a, b)| format!("{a}\\sqrt{{{b}}}")),
        Just("\\pi".to_owned()),
        Just("x".to_owned()),
        Just("\\sin 1".to_owned()),
        Just("\\sqrt[3]{5}".to_owned()),
        Just("\\ln 3".to_owned()),
        Just("e^{\\frac{i\\pi}{6}}".to_owned()),
        Just("|x-1|".to_owned()),
        Just("\\arctan 2".to_owned()),
        (2u32..9, 1u32..4).prop_map(|(n, k)| format!("\\binom{{{n}}}{{{k}}}")),
    ];
    let expression = number.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}+{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            (inner.clone(), 0u32..4).prop_map(|(a, n)| format!("({a})^{{{n}}}")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    });
    prop_oneof![
        4 => expression.clone(),
        1 => prop::collection::vec(expression.clone(), 2..4).prop_map(|items| items.join(", ")),
        1 => prop::collection::vec(expression.clone(), 2..4).prop_map(|items| format!("({})", items.join(", "))),
        1 => expression.clone().prop_map(|a| format!("x={a}")),
        1 => expression.clone().prop_map(|a| format!("{a}\\%")),
        1 => expression.clone().prop_map(|a| format!("{a}\\text{{ cm}}")),
        1 => (expression.clone(), expression.clone()).prop_map(|(a, b)| format!("{a}<x\\le {b}")),
        1 => (expression.clone(), expression.clone()).prop_map(|(a, b)| format!("(-\\infty,{a})\\cup[{b},\\infty)")),
        1 => (expression.clone(), expression.clone()).prop_map(|(a, b)| format!("y+{a}={b}")),
        1 => (expression.clone(), expression).prop_map(|(a, b)| format!("\\begin{{pmatrix}}{a}\\\\{b}\\end{{pmatrix}}")),
        1 => (0u32..999, 2u32..11).prop_map(|(a, b)| format!("{a}_{{{b}}}")),
    ]
}

/// Anything built of the pieces the lexer knows, mostly broken.
fn soup() -> impl Strategy<Value = String> {
    r"(\\(frac|sqrt|left|right|text|pi|pm|begin|boxed|circ|overline)|[{}()\[\]|^_+*/=<>,;:!%$.\\ ]|[0-9]{1,4}|[a-zA-Z]|²|½|−){0,24}"
}

proptest! {
    #[test]
    fn what_parses_equals_itself(text in answer()) {
        let verdict = compare(&text, &text);
        let undefined = verdict.reason == Reason::UndefinedValue;
        prop_assert!(verdict.is_equal() || undefined, "{text}: {verdict:?}");
    }

    #[test]
    fn order_does_not_matter(left in answer(), right in answer()) {
        prop_assert_eq!(compare(&left, &right).kind, compare(&right, &left).kind);
    }

    #[test]
    fn a_wrapped_answer_stays_equal(text in answer()) {
        let verdict = compare(&text, &format!("$ \\left({}\\right) $", text.replace("\\frac", "\\dfrac")));
        prop_assert!(verdict.kind != VerdictKind::Different || text.contains(','), "{text}: {verdict:?}");
    }

    #[test]
    fn adding_one_makes_a_difference(text in answer()) {
        if text.contains([',', '=', '%', '<']) || text.contains("cm") {
            return Ok(());
        }
        let verdict = compare(&text, &format!("{text}+1"));
        prop_assert!(!verdict.is_equal(), "{text}: {verdict:?}");
    }

    #[test]
    fn cosmetics_change_no_verdict(left in answer(), right in answer(), style in 0usize..6) {
        let rewritten = match style {
            0 => format!("${left}$."),
            1 => format!("\\boxed{{{left}}}"),
            2 => format!("The answer is {left}"),
            3 => left.replace("\\frac", "\\tfrac").replace('+', " + "),
            4 => left.replace('(', "\\left(").replace(')', "\\right)"),
            _ => format!("**{left}**"),
        };
        prop_assert_eq!(compare(&left, &right).kind, compare(&rewritten, &right).kind, "{}", rewritten);
    }

    #[test]
    fn what_is_decided_is_an_equivalence(one in answer(), other in answer(), parts in prop::collection::vec(1i32..9, 2)) {
        // Three spellings of one value, and a fourth answer that is equal to all of them or to none.
        let (a, b) = (parts[0], parts[1]);
        let spellings = [format!("({one})+{a}-{b}"), format!("-{b}+({one})+{a}"), format!("({one})-({})", b - a)];
        let against = |left: &str, right: &str| {
            Prepared::new(left).compare(&Prepared::new(right), Policy::STRICT).kind
        };
        if one.contains([',', '=', '%', '<', '_']) || one.contains("cm") || one.contains("begin") {
            return Ok(());
        }
        let kinds: Vec<_> = spellings.iter().map(|spelling| against(spelling, &other)).collect();
        let both = kinds.contains(&VerdictKind::Equal) && kinds.contains(&VerdictKind::Different);
        prop_assert!(!both, "{other}: {spellings:?}: {kinds:?}");
        for pair in spellings.windows(2) {
            prop_assert_ne!(against(&pair[0], &pair[1]), VerdictKind::Different, "{:?}", pair);
        }
    }

    #[test]
    fn threads_agree(left in answer(), right in answer()) {
        let here = compare(&left, &right);
        let there = std::thread::spawn(move || compare(&left, &right)).join();
        prop_assert!(there.is_ok_and(|verdict| verdict == here));
    }

    #[test]
    fn the_order_of_opaque_calls_changes_nothing(left in with_calls(), right in with_calls()) {
        prop_assert_eq!(compare(&left, &right), compare(&right, &left));
    }

    #[test]
    fn soup_never_panics_and_is_symmetric(left in soup(), right in soup()) {
        prop_assert_eq!(compare(&left, &right).kind, compare(&right, &left).kind);
        let once = normalize(&left).into_owned();
        prop_assert_eq!(normalize(&once).into_owned(), once.clone());
        if let Ok(parsed) = parse(&once) {
            prop_assert!(parsed.tree.to_json().starts_with('['));
        }
    }
}

/// Expressions in functions of which nothing is known, some of them undefined at many points.
fn with_calls() -> impl Strategy<Value = String> {
    let call = prop::sample::select(vec![
        "f(x)", "f(x+1)", "f(1+x)", "f(f(x))", "g(x)", "g(x,y)", "g(y,x)", "f(2x)", "f(x-1)", "f(1-x)",
        "h(n)", "x",
    ]);
    let shape = prop::sample::select(vec![
        "A+B",
        "A-B",
        "B-A",
        "AB",
        "\\frac{A}{B}",
        "\\sqrt{A}+B",
        "\\sqrt{A-B}",
        "|A|+|B|",
        "\\ln(A-B)",
        "A^2-B^2",
        "(A-B)(A+B)",
        "2^{A}",
        "A^{B}",
        "\\max(A,B)",
        "\\sqrt{A}\\sqrt{B}",
        "\\sqrt{AB}",
        "\\ln A-\\ln B",
        "\\sin(A+B)",
    ]);
    (shape, call.clone(), call).prop_map(|(shape, one, other)| {
        shape.replace('A', &format!("({one})")).replace('B', &format!("({other})"))
    })
}

/// Found by fuzzing: sample points once followed the order in which the sides were read.
#[test]
fn the_order_of_two_answers_does_not_move_sample_points() {
    let (left, right) = ("nn^3^30", "+17");
    assert_eq!(compare(left, right).kind, compare(right, left).kind);
}

/// (hostile answer, what 7 compared with it must give; None where only survival counts)
fn hostile() -> Vec<(String, Option<VerdictKind>)> {
    let nested = |open: &str, close: &str, n: usize| format!("{}7{}", open.repeat(n), close.repeat(n));
    let equal = Some(VerdictKind::Equal);
    let mut all: Vec<(String, Option<VerdictKind>)> = vec![
        (nested("(", ")", 20_000), equal),
        (nested("{", "}", 20_000), equal),
        (nested("\\boxed{", "}", 20_000), equal),
        (nested("\\sqrt{", "}", 300), None),
        (format!("{}7{}", "\\frac{".repeat(400), "}{1}".repeat(400)), None),
        (format!("{}7", "-".repeat(3_000)), equal),
        (format!("{}7", "-".repeat(3_001)), Some(VerdictKind::Different)),
        ("(".repeat(100_000), None),
        ("9".repeat(100_000), Some(VerdictKind::Different)),
        (vec!["1"; 20_000].join("+"), Some(VerdictKind::Different)),
        ("x".repeat(50_000), None),
        (vec!["7"; 20_000].join(","), Some(VerdictKind::Different)),
        ("\\".repeat(100_000), None),
        ("$".repeat(100_000), None),
        ("7!".to_owned() + &"!".repeat(5_000), None),
        ("2^".repeat(5_000) + "2", None),
        ("\\text{".repeat(20_000), None),
        // Each level was once read twice.
        (nested("A^{", "}", 60), None),
        (nested("C_{", "}", 60), None),
        (nested("A^{2}_{", "}", 60), None),
        ("A^^{".repeat(40), None),
        ("(A^".repeat(40), None),
        ("1/".repeat(40_000) + "1", None),
        ("1/2+".repeat(20_000) + "7", Some(VerdictKind::Different)),
        ("5".to_owned() + &"%".repeat(90_000), None),
        ("5".to_owned() + &" cm".repeat(40_000), None),
        ("5".to_owned() + &"\\pm 5".repeat(20_000), None),
        ("x=".repeat(40_000) + "1", None),
        (vec!["\\frac{1}{7}"; 2_000].join("+"), None),
        ((1..2_000).map(|n| format!("1/{n}")).collect::<Vec<_>>().join("+"), None),
        ((1..400).map(|n| format!("\\sqrt{{{n}}}")).collect::<Vec<_>>().join("+"), None),
        (
            format!("({})^{{50}}", (1..12).map(|n| format!("\\sqrt{{{n}}}")).collect::<Vec<_>>().join("+")),
            None,
        ),
    ];
    all.extend(HOSTILE.iter().map(|text| ((*text).to_owned(), None)));
    for text in ["\u{200B}7", "7\u{202E}", "\u{0}7", "７", "٧", r"\phantom{8}7", "7\u{FEFF}"] {
        all.push((text.to_owned(), equal));
    }
    all
}

const HOSTILE: &[&str] = &[
    r"\{1, 2, \ldots\}",
    r"\{\ldots, 1, 2\}",
    r"\ldots",
    "..,006",
    r"\binom{40000}{20000}",
    "8000!",
    r"\sum_{k=1}^{1999} \frac1k",
    r"\sum_{k=1}^{1999} \sqrt k",
    r"\sum_{k=1}^{1000}\sum_{j=1}^{1000}\sum_{m=1}^{1000} kjm",
    r"\prod_{k=1}^{1999} (x+k)",
    "e^{e^{e^{10}}}",
    r"\sin(10^{20000})",
    r"\cos\frac{\pi}{1000003}",
    r"\sqrt{\sqrt{2}+\sqrt{3}+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13}}",
    r"\frac{1}{\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13}}",
    "3^{10^6}",
    "x^{x^{x^x}}",
    r"e^{\sin(e^{\cos(e^x)})}",
    "x^{100}-1>0",
    "x^2<10^{5000}",
    r"\lfloor e^{100000}\rfloor",
    r"\gcd(10^{4000},10^{3999}+1)",
    "|||||||x|||||||",
    r"(1+\sqrt2)^{5000}",
    "1.0000000001^{10^{9}}",
    "10^{10^{10}}",
    "9^{9^{9^9}}",
    "1+10^{-10^9}",
    "(10^9)!",
    r"\binom{10^9}{5\cdot 10^8}",
    "((((9!)!)!)!)!",
    r"\boxed{7",
    r"\left(7",
    r"\begin{pmatrix}7",
    "__import__('os').system('true')",
    "open('/etc/passwd')",
    "(lambda: 7)()",
    r"\input{x}",
    r"\write18{ls}",
    r"\def\a{\a}\a",
    "7/0",
    "0/0",
    r"0\cdot\infty",
    r"\infty-\infty",
    r"\tan 90^\circ",
    "nan",
    "inf",
    "1e400",
    "1e99999",
    "1e-400",
    "7 or 8",
    "6<x<8",
    "7=7=8",
    "x",
    "",
    "   ",
    r"e^{\pi}-\pi",
    r"e^{\pi\sqrt{163}}",
    r"\sin(10^{-20})",
    "(a+b+c+d+e+f)^{20}",
    r"\sum_{k=1}^{10^9} k",
    r"\int_0^1 e^{-x^2} dx",
    "(x+1)^{200}",
    "(1/3)^{100000}",
    "7.0000000000000000000000001",
    r"\sqrt{10^{4000}+1}",
    r"\sqrt[64]{12345678901234567890123456789}",
    "0^0",
    "(-8)^{1/3}",
    "1e5e5",
];

#[test]
fn hostile_answers_are_survived_and_not_believed() {
    for (text, expected) in hostile() {
        let shown: String = text.chars().take(60).collect();
        for other in ["7", "8", r"\frac{1}{7}", "10^{10^{10}}+1", text.as_str()] {
            let (forward, backward) = (compare(other, &text), compare(&text, other));
            assert_eq!(forward.kind, backward.kind, "{other} against {shown}");
        }
        if let Some(expected) = expected {
            assert_eq!(compare("7", &text).kind, expected, "{shown}");
        } else {
            assert!(
                !compare("7", &text).is_equal() || text.contains("boxed{7") || text.contains("left(7"),
                "{shown}"
            );
        }
        assert!(!compare("8", &text).is_equal(), "{shown}");
    }
}
