use super::*;

fn found(text: &str, options: ExtractOptions) -> Option<(String, &'static str)> {
    extract(text, options).map(|found| (found.answer.into_owned(), found.rule.as_str()))
}

fn boxed(text: &str) -> Option<String> {
    found(text, ExtractOptions::BOXES).map(|(answer, _)| answer)
}

fn check(options: ExtractOptions, cases: &[(&str, &str, &str)]) {
    for (text, answer, rule) in cases {
        let expected = (!answer.is_empty()).then(|| ((*answer).to_owned(), *rule));
        assert_eq!(found(text, options), expected, "{text}");
    }
}

#[test]
fn the_last_complete_non_empty_box_counts() {
    for (text, answer) in [
        (r"so \boxed{6}, no: \boxed{7}.", Some("7")),
        (r"\boxed{\frac{1}{2}} and \boxed{3", Some(r"\frac{1}{2}")),
        (r"\boxed{5} put it in \boxed{}", Some("5")),
        (r"\boxed{5} as \boxed{...}", Some("5")),
        (r"\boxed{5}, that is \boxed{answer}", Some("5")),
        (r"\fbox{ 8 }", Some("8")),
        (r"\boxed {9} }", Some("9")),
        (r"\boxed{\{1,2\}} {", Some(r"\{1,2\}")),
        (r"\boxed 42.", Some("42")),
        (r"\boxed -3.5, ", Some("-3.5")),
        (r"\boxed{6} then \boxed 7", Some("7")),
        (r"\boxed{-3}$", Some("-3")),
        ("no box", None),
        ("a box of 7", None),
        (r"\boxed{", None),
        (r"\boxed", None),
        (r"\boxed{7", None),
        ("", None),
    ] {
        assert_eq!(boxed(text).as_deref(), answer, "{text}");
    }
}

#[test]
fn of_nested_boxes_the_outermost_counts() {
    for (text, answer) in [
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{ \boxed{ \fbox{7} } } }", "7"),
        (r"\boxed{\boxed{3}, \boxed{4}}", r"\boxed{3}, \boxed{4}"),
        (r"\boxed{x = \boxed{7}}.", r"x = \boxed{7}"),
        (r"\text{so } \mathbf{\boxed{7}}", "7"),
        (r"\boxed{6} and } \boxed{7}}", "7"),
        ("\\boxed{the plan\n\nis this: \\boxed{7}}", "7"),
        (r"\boxed{\boxed{}} \boxed{5}", "5"),
        (r"\boxed{5} \boxed{\boxed{}}", "5"),
    ] {
        assert_eq!(boxed(text).as_deref(), Some(answer), "{text}");
    }
}

#[test]
fn the_final_channel_comes_first_and_tools_never_count() {
    let text = concat!(
        "<|channel|>analysis<|message|>maybe \\boxed{1}<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{2}<|end|>",
        "<|start|>assistant<|channel|>analysis<|message|>\\boxed{3}<|return|>"
    );
    assert_eq!(boxed(text).as_deref(), Some("2"));
    let text = concat!(
        "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>analysis to=python code<|message|>",
        "print('\\boxed{4}')<|call|><|start|>python to=assistant<|channel|>analysis<|message|>\\boxed{5}<|end|>",
        "<|start|>user<|message|>use \\boxed{6}<|end|><|start|>assistant<|channel|>final<|message|>unsure"
    );
    assert_eq!(boxed(text).as_deref(), Some("1"));
    assert_eq!(boxed("\\boxed{8}<|return|>").as_deref(), Some("8"));
    assert_eq!(boxed("<|start|>user<|message|>\\boxed{6}<|end|><|start|>assistant"), None);
    assert_eq!(boxed("<|start|>python<|message|>\\boxed{6}"), None);
    let text = "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>final \\boxed{2}<|return|>";
    assert_eq!(boxed(text).as_deref(), Some("2"));
    assert_eq!(boxed("so<|end|><|start|>python \\boxed{6}<|end|>"), None);
}

#[test]
fn marked_tool_output_in_plain_text_never_counts_and_thoughts_come_second() {
    check(
        ExtractOptions::default(),
        &[
            ("\\boxed{1}\n```output\n\\boxed{2}\n```\ndone", "1", "box"),
            ("\\boxed{1}\n```output\n\\boxed{2}", "1", "box"),
            ("<tool_response>\\boxed{2}</tool_response> so \\boxed{3}", "3", "box"),
            ("<llm-code-output>\n\\boxed{2}\n</llm-code-output>", "", ""),
            ("<think>\\boxed{4}</think> unsure", "4", "box"),
            ("<think>\\boxed{4}</think>\\boxed{5}", "5", "box"),
            ("<think>the answer is 4, or", "", ""),
            ("<think>the answer is 4</think> unsure", "", ""),
            ("<think>\\boxed{4}</think> The answer is 5.", "5", "phrase"),
        ],
    );
}

#[test]
fn phrases_letters_and_unclosed_boxes_stand_in_for_a_box() {
    check(
        ExtractOptions::default(),
        &[
            ("The answer is 7.", "7", "phrase"),
            ("work\n#### 1,234", "1,234", "phrase"),
            ("Final Answer: **12**", "12", "phrase"),
            ("**Answer:** $\\frac{1}{2}$.", "$\\frac{1}{2}$", "phrase"),
            ("**Answer**: 12", "12", "phrase"),
            ("the answer is 5 \\boxed{6}", "6", "box"),
            ("The answer is 3. Check: the answer is 4, which fits.", "4", "phrase"),
            ("The answer is therefore 5! because it is.", "5!", "phrase"),
            ("The answers are 3 and 4", "3 and 4", "phrase"),
            ("The answer is\n\\[\n x+1 \n\\]\nas said", "x+1", "phrase"),
            ("The correct answer is option (B).", "(B)", "phrase"),
            ("the answer isn't here", "", ""),
            ("an answered call: 5", "", ""),
            ("so it must be\n\n**(C)**\n", "C", "letter"),
            ("hence\n\\textbf{(D)}.", "D", "letter"),
            ("It is B\nor\nQ", "", ""),
            (r"hence \boxed{\frac{1}{2", r"\frac{1}{2", "unclosed_box"),
            ("hence $\\boxed{5$. Done.", "5", "unclosed_box"),
            (r"\boxed{} and \boxed{", "", ""),
            ("42", "", ""),
            ("", "", ""),
        ],
    );
}

#[test]
fn thoughts_announce_nothing() {
    let text = "<|channel|>analysis<|message|>the answer is 5, or not<|end|><|start|>assistant<|channel|>final<|message|>";
    check(
        ExtractOptions::default(),
        &[
            (text, "", ""),
            (&format!("{text}The answer is 6.<|return|>"), "6", "phrase"),
            ("<|channel|>analysis<|message|>so \\boxed{5", "5", "unclosed_box"),
            ("The answer is 7.<|return|>", "7", "phrase"),
        ],
    );
}

#[test]
fn joined_boxes_and_last_numbers_are_asked_for() {
    let options = ExtractOptions { join_boxes: true, last_number: true, ..ExtractOptions::default() };
    check(
        options,
        &[
            (r"$\boxed{3}$, $\boxed{4}$ and $\boxed{5}$.", "3, 4, 5", "joined_boxes"),
            (r"\boxed{3} \text{ or } \boxed{4}", "3, 4", "joined_boxes"),
            (r"\boxed{3}, so \boxed{4}", "4", "box"),
            (r"\boxed{4}, \boxed{4}", "4", "box"),
            ("it costs 3, then 1,234.50 in all", "1,234.50", "last_number"),
            ("between 3,4", "4", "last_number"),
            ("it is -7/9.", "-7/9", "last_number"),
            ("step-2 gives x-3", "3", "last_number"),
            ("about .5\\% of it", ".5\\%", "last_number"),
        ],
    );
}

#[test]
fn many_unclosed_boxes_cost_one_pass() {
    let text = "\\boxed{".repeat(200_000);
    assert_eq!(boxed(&text), None);
    assert_eq!(found(&text, ExtractOptions::default()).map(|(_, rule)| rule), Some("unclosed_box"));
    let nested = format!("{}7{}", "\\boxed{".repeat(20_000), "}".repeat(20_000));
    assert_eq!(boxed(&nested).as_deref(), Some("7"));
    let kept = format!("{}7{}", "\\boxed{x=".repeat(20_000), "}".repeat(20_000));
    assert!(boxed(&kept).is_some());
    let outputs = "<tool_response>".repeat(50_000) + &"```output".repeat(50_000);
    assert_eq!(boxed(&outputs), None);
}
