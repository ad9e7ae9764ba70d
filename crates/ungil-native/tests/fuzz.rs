//! The front-end on damaged programs: compiled or refused, never a panic, never an endless loop.
//!
//! `UNGIL_NATIVE_FUZZ_SECONDS` makes it longer, `UNGIL_NATIVE_FUZZ_SEED` other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ungil_native::{
    ArrayType, Constant, Element, Environment, FunctionId, FunctionSource, Global, ModuleId,
    Options, Source, Type, compile, explain,
};

/// Programs of many kinds, with types that are in the language; what comes out of one is put into others.
const CORPUS: &[(&str, &str)] = &[
    (
        "ddd",
        "def f(a, b, c):\n    for i in range(len(a)):\n        for k in range(a.shape[0]):\n            t = a[i]\n            \
     for j in range(1, len(b), 2):\n                c[j] += t * b[j - k]\n",
    ),
    (
        "ii",
        "def f(n: int, limit=N) -> int:\n    longest = 0\n    for start in range(1, limit):\n        steps = 0\n        \
     while n != 1:\n            n = n // 2 if n % 2 == 0 else 3 * n + 1\n            steps += 1\n        \
     longest = max(longest, steps)\n    else:\n        longest -= 1\n    return longest\n",
    ),
    (
        "qqq",
        "def f(s, t, row):\n    for i, x in enumerate(s):\n        diagonal = row[0]\n        for j in range(len(t)):\n            \
     cost = diagonal\n            if x != t[j] and not (j < i or t[j] > 3):\n                cost = diagonal + 1\n            \
     diagonal, row[j] = row[j + 1], min(row[j], cost, 5)\n    return int(row[-1])\n",
    ),
    (
        "df",
        "def f(a, x: float):\n    total = 0\n    for y, z in zip(a[1:], a[::-1]):\n        if y > x:\n            continue\n        \
     elif math.sqrt(z) == 0.5:\n            break\n        total += y ** 2 / -z\n    assert total >= 0, 'less'\n    return total\n",
    ),
    (
        "Di",
        "def f(m, n) -> float:\n    if n <= 0:\n        raise ValueError('none')\n    q, r = divmod(n, 3)\n    m[q, r], m[0, 0] = ~n << 2, abs(n) & 7 ^ r\n    \
     return f(m, n - 1) if n > 1 else float(m.size)\n",
    ),
    (
        "D",
        "def f(a):\n    for row in reversed(a):\n        for x in row:\n            row[0] += round(x) + bool(x)\n    return 2.5 if len(a) else 1.5\n",
    ),
];

struct One(Arc<FunctionSource>);

impl Environment for One {
    fn function(&mut self, _: FunctionId) -> Arc<FunctionSource> {
        self.0.clone()
    }

    fn global(&mut self, _: FunctionId, name: &str) -> Global {
        match name {
            "math" => Global::Module(ModuleId(0)),
            "f" => Global::Native(FunctionId(0)),
            "N" => Global::Constant(Constant::Int(8)),
            "ValueError" => Global::Exception(name.to_owned()),
            name => Global::Builtin(name.to_owned()),
        }
    }

    fn attribute(&mut self, _: ModuleId, name: &str) -> Global {
        Global::Math(name.to_owned())
    }
}

/// Marsaglia's xorshift64, which is random enough.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
    }
}

/// Words, numbers, operators and blanks.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '_' | '0'..='9' | '.' => 1,
        ' ' => 2,
        '\n' => 3,
        _ => 0,
    };
    let mut found = Vec::new();
    let mut begin = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|last| last != kind(c) || kind(c) == 0) {
            found.push(&text[begin..at]);
            begin = at;
        }
        last = Some(kind(c));
    }
    found.push(&text[begin..]);
    found
}

/// A damaged program and types that suited it before.
fn damaged(random: &mut Random) -> (&'static str, String) {
    let (types, whole) = CORPUS[random.below(CORPUS.len())];
    let mut text = tokens(whole);
    for _ in 0..=random.below(4) {
        let other = tokens(CORPUS[random.below(CORPUS.len())].1);
        let (at, from) = (random.below(text.len()), random.below(other.len()));
        match random.below(6) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, other[from]),
            2 | 3 => text[at] = other[from],
            4 => {
                // A part of another program.
                let end = (from + random.below(30)).min(other.len());
                text.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let end = (at + random.below(12)).min(text.len());
                text.drain(at..end);
            }
        }
        if text.is_empty() {
            text.push(" ");
        }
    }
    (types, text.concat())
}

fn array(element: Element, dimensions: u8) -> Type {
    Type::Array(ArrayType {
        element,
        dimensions,
        contiguous: true,
        writable: true,
    })
}

fn type_of(letter: char) -> Type {
    match letter {
        'i' => Type::Int,
        'f' => Type::Float,
        'q' => array(Element::Signed(64), 1),
        'd' => array(Element::Float64, 1),
        _ => array(Element::Float64, 2),
    }
}

fn some_type(random: &mut Random) -> Type {
    let element = [
        Element::Float64,
        Element::Signed(64),
        Element::Unsigned(8),
        Element::Bool,
        Element::Float32,
        Element::Unsigned(64),
    ];
    match random.below(6) {
        0 => Type::Int,
        1 => Type::Float,
        2 => Type::Bool,
        _ => Type::Array(ArrayType {
            element: element[random.below(element.len())],
            dimensions: 1 + u8::try_from(random.below(3)).unwrap_or(0),
            contiguous: random.below(2) == 0,
            writable: random.below(4) != 0,
        }),
    }
}

/// Whether it is in the language.
fn tried(types: &str, text: &str, random: &mut Random) -> bool {
    let source = match Source::parse("f.py", 1, text) {
        Ok(source) => source,
        Err(diagnostic) => {
            assert!(diagnostic.render_text("f.py", 1, text).contains("error"));
            return false;
        }
    };
    let types: Vec<Type> = source
        .parameter_names()
        .iter()
        .enumerate()
        .map(|(at, _)| match types.chars().nth(at) {
            Some(letter) if random.below(10) != 0 => type_of(letter),
            _ => some_type(random),
        })
        .collect();
    let mut one = One(Arc::new(FunctionSource {
        name: source.function().name.to_string(),
        source,
        defaults: Vec::new(),
        options: Options {
            wrap: random.below(5) == 0,
            unchecked_bounds: random.below(5) == 0,
            ..Options::default()
        },
    }));
    match compile(&mut one, FunctionId(0), &types) {
        Ok(compiled) => {
            let explained = explain(&mut one, FunctionId(0), &types).expect("as before");
            assert!(compiled.ir.contains("@ungil_entry") && explained.ir.contains("!dbg"));
            true
        }
        Err(refusal) => {
            assert!(refusal.diagnostic.render(&one.0.source).contains("f.py:"));
            false
        }
    }
}

#[test]
fn damaged_programs_are_compiled_or_refused() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let mut random = Random(number("UNGIL_NATIVE_FUZZ_SEED", 88_172_645_463_325_252).max(1));
    let end = Instant::now() + Duration::from_secs(number("UNGIL_NATIVE_FUZZ_SECONDS", 3));
    let (mut cases, mut compiled) = (0_u32, 0_u32);
    while Instant::now() < end || cases < 200 {
        let (types, text) = damaged(&mut random);
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| tried(types, &text, &mut random)));
        cases += 1;
        let good = result.unwrap_or_else(|_| panic!("this makes the front-end panic:\n{text}"));
        compiled += u32::from(good);
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "this takes too long:\n{text}"
        );
    }
    println!("{cases} programs, {compiled} in the language");
    assert!(compiled > 0);
}

#[test]
fn the_programs_are_in_the_language_before() {
    for (types, text) in CORPUS {
        let source = Source::parse("f.py", 1, text).expect("it parses");
        let mut one = One(Arc::new(FunctionSource {
            name: "f".to_owned(),
            source,
            defaults: vec![],
            options: Options::default(),
        }));
        let types: Vec<Type> = types.chars().map(type_of).collect();
        let refused = compile(&mut one, FunctionId(0), &types).err();
        let told = refused.map(|refusal| refusal.diagnostic.render(&one.0.source));
        assert_eq!(told, None);
    }
}
