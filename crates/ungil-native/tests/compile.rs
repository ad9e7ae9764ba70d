//! Whole functions: the typed program, the checks that are left, the refusals as they are printed.

use std::sync::Arc;

use ungil_native::{
    ArrayType, Compiled, Constant, Element, Environment, FunctionId, FunctionSource, Global,
    ModuleId, Options, Refusal, Source, Type, compile,
};

/// One function, which knows some built-ins, `math` and the constant `N = 8`.
struct One(Arc<FunctionSource>);

impl Environment for One {
    fn function(&mut self, _: FunctionId) -> Arc<FunctionSource> {
        self.0.clone()
    }

    fn global(&mut self, _: FunctionId, name: &str) -> Global {
        match name {
            "len" | "range" | "int" | "float" | "bool" | "min" | "max" | "enumerate" | "print" => {
                Global::Builtin(name.to_owned())
            }
            "math" => Global::Module(ModuleId(0)),
            "f" => Global::Native(FunctionId(0)),
            "N" => Global::Constant(Constant::Int(8)),
            _ => Global::Missing,
        }
    }

    fn attribute(&mut self, _: ModuleId, name: &str) -> Global {
        Global::Math(name.to_owned())
    }
}

const FLOATS: Type = Type::Array(ArrayType {
    element: Element::Float64,
    dimensions: 1,
    contiguous: true,
    writable: true,
});

fn environment(text: &str) -> One {
    let source = Source::parse("f.py", 1, text).expect("it parses");
    One(Arc::new(FunctionSource {
        name: source.function().name.to_string(),
        source,
        defaults: Vec::new(),
        options: Options::default(),
    }))
}

fn compiled(text: &str, types: &[Type]) -> Compiled {
    let mut environment = environment(text);
    compile(&mut environment, FunctionId(0), types).expect("it is in the language")
}

fn refusal(text: &str, types: &[Type]) -> String {
    let mut environment = environment(text);
    let refused: Box<Refusal> =
        compile(&mut environment, FunctionId(0), types).expect_err("it is not in the language");
    refused.diagnostic.render(&environment.0.source)
}

#[test]
fn the_lectures_integral() {
    let text = "\
def f(l: float, r: float, n: int) -> float:
    h = (r - l) / n
    result = 0
    for i in range(n):
        x = l + i * h
        result += x * x * h
    return result
";
    let compiled = compiled(text, &[Type::Float, Type::Float, Type::Int]);
    assert_eq!(
        compiled.typed,
        "\
def f(l.float, r.float, n.int) -> float
  h.float = !fdiv(fsub(r.float, l.float), inttofloat(n.int))
  result.float = 0.0
  %5.int = n.int
  for i.int in 0..%5.int by 1
    x.float = fadd(l.float, fmul(inttofloat(i.int), h.float))
    result.float = fadd(result.float, fmul(fmul(x.float, x.float), h.float))
  return result.float
"
    );
    assert!(compiled.long);
}

#[test]
fn an_index_that_follows_the_loop_is_checked_before_it() {
    let text = "\
def f(a, b, k):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i + k]
    return total
";
    let compiled = compiled(text, &[FLOATS, FLOATS, Type::Int]);
    let made = compiled.checks;
    assert_eq!((made.made, made.before_loops), (0, 3), "{}", compiled.typed);
    assert!(compiled.typed.contains("with 2 checks before it"));
}

#[test]
fn checks_of_a_nest_are_made_before_it_and_its_rounds_done_together() {
    let text = "\
def f(a, b, out):
    for i in range(len(a) - len(b) + 1):
        total = 0.0
        for j in range(len(b)):
            total += a[i + j] * b[j]
        out[i] = total
";
    let compiled = compiled(text, &[FLOATS, FLOATS, FLOATS]);
    assert_eq!(compiled.checks.made, 0, "{}", compiled.typed);
    assert!(compiled.typed.contains("by 1 with 3 checks before it"));
    // Each of the rounds has a sum of its own.
    assert!(
        compiled.ir.contains(".0.7 = alloca double"),
        "{}",
        compiled.ir
    );
}

#[test]
fn rounds_that_depend_on_each_other_are_not_done_together() {
    let text = "\
def f(a, b, out):
    total = 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            total += a[i] * b[j]
        out[i] = total
";
    let compiled = compiled(text, &[FLOATS, FLOATS, FLOATS]);
    assert!(!compiled.ir.contains(".0.7 = alloca"), "{}", compiled.ir);
}

#[test]
fn counters_and_remainders_stay_in_range() {
    let text = "\
def f(n: int) -> int:
    inside = 0
    state = 12345
    for _ in range(n):
        state = (1103515245 * state + 12345) % 2147483648
        if state % 3 == 0:
            inside += 1
    return inside
";
    let compiled = compiled(text, &[Type::Int]);
    assert_eq!(compiled.checks.made, 0, "{}", compiled.typed);
}

#[test]
fn a_counter_that_the_body_changes_otherwise_is_checked() {
    for line in [
        "total = total * 2 + 1",
        "total += i",
        "i = i + 9; total += i",
    ] {
        let text = format!(
            "def f(n: int) -> int:\n    total = 1\n    for i in range(n):\n        {line}\n    return total\n"
        );
        let checks = compiled(&text, &[Type::Int]).checks;
        assert!(checks.made + checks.before_loops > 0, "{line}");
    }
}

#[test]
fn a_refusal_is_laid_out_as_rustc_does() {
    let text = "def f(flag: bool):\n    if flag:\n        x = True\n    else:\n        x = 0.5\n    return x\n";
    assert_eq!(
        refusal(text, &[Type::Bool]),
        "\
error: `x` can have two types here
 --> f.py:6:12
  |
3 |         x = True
  |         - a bool on one way
4 |     else:
5 |         x = 0.5
  |         - a float on another
6 |     return x
  |            ^ a bool or a float?
  |
  = help: use two variables"
    );
}

#[test]
fn what_is_assigned_in_a_loop_may_be_read_earlier_in_the_next_round() {
    let text = "\
def f(n: int) -> int:
    total = 0
    for i in range(n):
        if i > 0:
            total = last
        last = i
    return total
";
    assert_eq!(compiled(text, &[Type::Int]).returns, Type::Int);
    let never =
        "def f(n: int) -> int:\n    while n > 0:\n        n -= late\n    late = 1\n    return n\n";
    assert!(refusal(never, &[Type::Int]).contains("`late` has no value here"));
}

#[test]
fn refusals_name_the_reason_and_the_remedy() {
    let cases = [
        (
            "print(x)",
            "native code has no `print`",
            "return the values",
        ),
        (
            "with x:\n        pass",
            "native code has no `with`",
            "around the call",
        ),
        (
            "return 1 if x else 0.5",
            "both results have to be of one type",
            "convert one",
        ),
        ("return x[0]", "this is not an array", "a float"),
        ("return x & 1", "floats have no `&`", "int(...)"),
        (
            "return x in x",
            "native code has no `in`",
            "a tuple on the right",
        ),
        (
            "return 99999999999999999999",
            "does not fit into 64 bits",
            "as a float",
        ),
        ("return {x}", "native code has no sets", "array of bools"),
        (
            "y = [[x]]",
            "holds numbers of one type",
            "a list for each part",
        ),
        (
            "return f(x)",
            "what `f` returns is not known here",
            "annotate its result",
        ),
        (
            "for y in x:\n        pass",
            "cannot iterate over this",
            "range(...)",
        ),
        (
            "raise KeyError(x)",
            "no text to build a message from",
            "constant text",
        ),
        (
            "x.y = 1",
            "cannot assign to this",
            "to fields of dataclasses",
        ),
        (
            "return 'a' + 'b'",
            "native code has no `+` of these",
            "calculate with numbers",
        ),
        (
            "return 'abc'[::2]",
            "a slice of str has no step here",
            "by index",
        ),
        ("return 'a' == x", "these are never equal", "`ord(c)`"),
        ("return x in 'abc'", "is not looked for", "of the same type"),
        ("a, b = x", "cannot unpack this", "several values in a row"),
    ];
    for (body, title, remedy) in cases {
        let printed = refusal(&format!("def f(x):\n    {body}\n"), &[Type::Float]);
        assert!(
            printed.contains(title) && printed.contains(remedy),
            "{printed}"
        );
    }
}

mod syntax {
    use super::*;
    use proptest::prelude::*;

    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("x".to_owned()),
            Just("a".to_owned()),
            Just("n".to_owned()),
            any::<i64>().prop_map(|value| format!("({value})")),
            Just("1.5".to_owned()),
            Just("True".to_owned()),
            Just("None".to_owned()),
            Just("'text'".to_owned()),
            Just("xs".to_owned()),
            Just("t".to_owned()),
            Just("[]".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                (
                    pair.clone(),
                    "[-+*/%&|^@]|//|\\*\\*|<<|>>|<|==|and|or|is|in"
                )
                    .prop_map(|((left, right), op)| format!("({left} {op} {right})")),
                (inner.clone(), "-|~|not ").prop_map(|(one, op)| format!("({op}{one})")),
                pair.clone()
                    .prop_map(|(left, right)| format!("{left}[{right}]")),
                pair.clone()
                    .prop_map(|(left, right)| format!("{left}[{right}:]")),
                (pair, "len|min|int|float|f|math.sqrt|a.sum|print")
                    .prop_map(|((left, right), name)| format!("{name}({left}, {right})")),
                pair_of(inner.clone()),
                (
                    inner.clone(),
                    "len|abs|int|bool|math.log|range|divmod|xs.append|xs.pop|t"
                )
                    .prop_map(|(one, name)| format!("{name}({one})")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            ]
        })
    }

    fn pair_of(
        inner: impl Strategy<Value = String> + Clone + 'static,
    ) -> impl Strategy<Value = String> {
        (
            inner.clone(),
            inner,
            "LIST|TUPLE|REPEAT|COMPREHENSION|NESTED",
        )
            .prop_map(|(left, right, form)| match form.as_str() {
                "LIST" => format!("[{left}, {right}]"),
                "TUPLE" => format!("({left}, {right})"),
                "REPEAT" => format!("[{left}] * {right}"),
                "COMPREHENSION" => format!("[{left} for y in {right}]"),
                _ => format!("[y for x in {left} if {right} for y in xs]"),
            })
    }

    fn statement() -> impl Strategy<Value = String> {
        let simple = (
            expression(),
            "x|y|a\\[n\\]|n|x, y|a\\[1:\\]|xs|xs\\[n\\]|t",
            "=|\\+=|//=",
        )
            .prop_map(|(value, target, op)| format!("{target} {op} {value}"));
        let simple = prop_oneof![
            simple,
            expression().prop_map(|value| format!("return {value}")),
            Just("break".to_owned()),
            Just("del x".to_owned()),
            expression().prop_map(|value| format!("assert {value}")),
        ];
        simple.prop_recursive(3, 12, 3, |inner| {
            let block = prop::collection::vec(inner, 1..3).prop_map(|lines| indented(&lines));
            (block.clone(), block, expression(), "if|while|for").prop_map(
                |(body, other, head, keyword)| {
                    let head = match keyword.as_str() {
                        "for" => format!("for y in range({head}):"),
                        keyword => format!("{keyword} {head}:"),
                    };
                    let body = if keyword == "if" {
                        body.replace("break", "pass")
                    } else {
                        body
                    };
                    let other = other.replace("break", "pass");
                    format!("{head}\n{body}else:\n{other}")
                },
            )
        })
    }

    fn indented(blocks: &[String]) -> String {
        format!("    {}\n", blocks.join("\n").replace('\n', "\n    "))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_function_is_compiled_or_refused(lines in prop::collection::vec(statement(), 1..5)) {
            let body = indented(&lines);
            let text = format!("def f(x, a, n):\n{body}");
            // A `break` outside of a loop is Python's to refuse.
            let Ok(source) = Source::parse("f.py", 1, &text) else { return Ok(()) };
            let mut one = One(Arc::new(FunctionSource {
                name: "f".to_owned(),
                source,
                defaults: Vec::new(),
                options: Options::default(),
            }));
            match compile(&mut one, FunctionId(0), &[Type::Float, FLOATS, Type::Int]) {
                Ok(compiled) => prop_assert!(compiled.ir.contains("@ungil_entry")),
                Err(refusal) => {
                    let printed = refusal.diagnostic.render(&one.0.source);
                    prop_assert!(printed.contains("f.py:"), "{}", printed);
                }
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,80}") {
            if let Err(diagnostic) = Source::parse("f.py", 1, &text) {
                let printed = diagnostic.render_text("f.py", 1, &text);
                prop_assert!(printed.contains("error"));
            }
        }
    }
}
