use super::*;
use crate::model::{Builder, Counts, Function, Kind, Record};

/// Of one second in milliseconds: name, held, waited, for whom.
type Row = (&'static str, u64, u64, Option<u32>);

fn report(rows: &[Row]) -> Report {
    const MS: u64 = 1_000_000;
    let mut builder = Builder::new(0, 1000);
    for (at, (name, held, waited, _)) in rows.iter().enumerate() {
        let tid = at as u32 + 1;
        let row = builder.thread(u64::from(tid), tid);
        let counts = Counts {
            held_ns: held * MS,
            waited_ns: waited * MS,
            holds: 1,
            ..Counts::ZERO
        };
        builder.describe(row, Some((*name).to_owned()), counts);
    }
    for (row, (_, held, waited, holder)) in rows.iter().enumerate() {
        if let Some(holder) = holder {
            builder.add(row, Record::new(Kind::Waited, 0, *holder, 0, waited * MS));
        }
        if *held > 0 {
            builder.add(row, Record::new(Kind::Held, 0, 2, 0, held * MS));
        }
    }
    let function = Function {
        name: "parse".to_owned(),
        file: "x.py".to_owned(),
        line: 1,
    };
    builder.finish(1, 1000 * MS, vec![None, None, Some(function)])
}

fn rule(rows: &[Row]) -> &'static str {
    report(rows).verdict.rule
}

#[test]
fn each_rule_has_its_case() {
    assert_eq!(rule(&[]), "nothing-seen");
    assert_eq!(rule(&[("Main", 950, 0, None)]), "one-thread");
    assert_eq!(rule(&[("Main", 50, 0, None), ("B", 40, 2, None)]), "idle");
    assert_eq!(
        rule(&[("Main", 300, 5, None), ("B", 290, 5, None)]),
        "free-enough"
    );
    assert_eq!(
        rule(&[("A", 900, 10, None), ("B", 50, 420, Some(1))]),
        "starving"
    );
    assert_eq!(
        rule(&[("A", 500, 490, Some(2)), ("B", 490, 500, Some(1))]),
        "saturated"
    );
    assert_eq!(
        rule(&[("A", 400, 0, None), ("B", 300, 200, Some(1))]),
        "pair"
    );
    assert_eq!(
        rule(&[("A", 400, 0, None), ("B", 300, 50, Some(1))]),
        "some-waiting"
    );
}

#[test]
fn the_starving_thread_is_told_who_and_for_what() {
    let verdict = report(&[("loader", 900, 10, None), ("server", 50, 420, Some(1))]).verdict;
    assert_eq!(
        verdict.sentence,
        "loader starves server: server spends 42 % of the time waiting for it. loader holds the \
         GIL for up to 900 ms at once, mostly in parse. Move that work to a process or to native \
         code that releases the GIL."
    );
}

#[test]
fn no_rule_has_a_word_that_is_not_known() {
    let report = report(&[("A", 500, 490, Some(2)), ("B", 490, 500, Some(1))]);
    let evidence = Evidence::of(&report);
    for rule in RULES {
        assert!(!fill(rule.sentence, |word| evidence.word(word)).contains("  "));
    }
}
