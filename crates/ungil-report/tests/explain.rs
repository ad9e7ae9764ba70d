//! `ungil explain`'s text and page.

use proptest::prelude::*;
use ungil_report::{
    ColorChoice, Explanation, Instruction, Line, Native, NativeLine, TerminalOptions, explanation,
    explanation_page,
};

fn instruction(offset: u32, name: &str) -> Instruction {
    Instruction {
        offset,
        name: name.into(),
        ..Instruction::default()
    }
}

fn doubled() -> Explanation {
    Explanation {
        name: "double".into(),
        file: "jobs.py".into(),
        python: "3.13.0".into(),
        hot: Some(64),
        lines: vec![
            Line {
                number: Some(9),
                source: Some("while x:".into()),
                instructions: vec![
                    Instruction {
                        label: Some(1),
                        references: "+".into(),
                        argument: "x".into(),
                        ..instruction(2, "LOAD_FAST")
                    },
                    Instruction {
                        target: Some(1),
                        switches: true,
                        ..instruction(4, "JUMP_BACKWARD")
                    },
                ],
            },
            Line {
                number: Some(10),
                source: Some("    x += x".into()),
                instructions: vec![Instruction {
                    specialised: Some("BINARY_OP_ADD_INT".into()),
                    references: "+-".into(),
                    argument: "+=".into(),
                    ..instruction(8, "BINARY_OP")
                }],
            },
        ],
        ..Explanation::default()
    }
}

fn text(of: &Explanation, width: usize) -> String {
    let color = ColorChoice::Never;
    explanation(of, &TerminalOptions { width, color })
}

fn page(of: &Explanation) -> String {
    let mut page = Vec::new();
    explanation_page(of, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn source_and_code_stand_side_by_side() {
    let expected = "\
double, in jobs.py, on Python 3.13.0
After 64 calls, with 1 instruction specialised.

 9  while x:   │ L1       2   +  LOAD_FAST         x
               │          4 G    JUMP_BACKWARD     to L1
10      x += x │          8  S+- BINARY_OP_ADD_INT +=

  L1  a label: `to L1` jumps there
";
    assert_eq!(&text(&doubled(), 80)[..expected.len()], expected);
}

#[test]
fn where_it_is_narrow_the_code_goes_below_its_line() {
    let narrow = text(&doubled(), 40);
    let at = |part: &str| narrow.find(part).unwrap();
    assert!(!narrow.contains('│'));
    assert!(at("while x:") < at("JUMP_BACKWARD") && at("JUMP_BACKWARD") < at("x += x"));
}

#[test]
fn the_legend_has_only_marks_that_occur() {
    let mut of = doubled();
    of.lines[0].instructions.pop();
    assert!(text(&doubled(), 80).contains("\n  G   another thread"));
    assert!(!text(&of, 80).contains("\n  G   another thread"));
}

#[test]
fn only_what_can_be_called_is_said_to_be() {
    let mut of = doubled();
    of.hot = None;
    assert!(text(&of, 80).contains("--run 'ARGUMENTS'"));
    of.header = vec![("magic".into(), "3571: Python 3.13".into())];
    assert!(!text(&of, 80).contains("--run"));
    assert!(text(&of, 80).contains("\n  magic          3571: Python 3.13\n"));
}

#[test]
fn a_jump_of_the_page_is_a_link_to_its_label() {
    let page = page(&doubled());
    assert!(page.contains("<li id=\"L1\">"));
    assert!(page.contains("<a href=\"#L1\">to L1</a>"));
}

proptest! {
    #[test]
    fn nothing_from_the_source_moves_the_cursor_or_becomes_markup(
        source in "[a-z \u{1b}\u{7}<>&\"'\u{4e2d}]{0,60}", width in 20_usize..200
    ) {
        let mut of = doubled();
        of.name.clone_from(&source);
        of.lines[0].source = Some(source.clone());
        of.lines[0].instructions[0].argument.clone_from(&source);
        let text = text(&of, width);
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        for line in text.lines() {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width.max(24), "{line}");
        }
        let before = page(&doubled()).matches('<').count();
        prop_assert_eq!(page(&of).matches('<').count(), before);
    }
}

#[test]
fn native_code_is_shown_below_with_what_became_of_checks_and_loops() {
    let of = Explanation {
        native: Some(Native {
            signature: "double(int) -> int".into(),
            checks_made: 1,
            releases_gil: true,
            lines: vec![NativeLine {
                number: 10,
                checks: vec!["OverflowError is checked".into()],
                loops: vec!["not vectorised: <a reason>".into()],
                ir: vec!["%r = add i64 %x, %x".into()],
                machine: vec!["addq %rax, %rax".into(), "jo .L1".into()],
            }],
            ..Native::default()
        }),
        ..doubled()
    };
    let expected = "\
Native code: double(int) -> int
Checks: 1 made, 0 before loops, 0 proved away. It releases the GIL while it runs.

10      x += x
    - not vectorised: <a reason>
    - OverflowError is checked
      addq %rax, %rax │ %r = add i64 %x, %x
      jo .L1          │
";
    assert!(text(&of, 80).contains(expected), "{}", text(&of, 80));
    assert!(!text(&of, 50).contains("%r = add"));
    assert!(page(&of).contains("<li>not vectorised: &lt;a reason&gt;</li>"));
    assert!(page(&of).contains("<pre>addq %rax, %rax\njo .L1</pre>"));
}
