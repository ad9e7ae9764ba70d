use proptest::prelude::*;

use super::*;

const A: (u64, u32) = (1, 101);
const B: (u64, u32) = (2, 102);

fn names() -> Vec<Option<Function>> {
    let function = |name: &str| {
        Some(Function {
            name: name.to_owned(),
            file: "x.py".to_owned(),
            line: 1,
        })
    };
    vec![None, None, function("f"), function("g")]
}

fn held(start: u64, end: u64, function: u32) -> Record {
    Record::new(Kind::Held, 0, function, start, end)
}

fn function_times(report: &Report) -> Vec<(Option<&str>, u64)> {
    let time = |share: &FunctionShare| share.held_ns;
    report
        .functions
        .iter()
        .map(|share| (share.function.as_ref().map(|f| &*f.name), time(share)))
        .collect()
}

fn counts(held_ns: u64, waited_ns: u64) -> Counts {
    Counts {
        held_ns,
        waited_ns,
        holds: 1,
        ..Counts::ZERO
    }
}

#[test]
fn samples_divide_a_long_hold_between_functions() {
    let mut builder = Builder::new(0, 1000);
    let a = builder.thread(A.0, A.1);
    builder.sample(a, 100, 300, 2);
    builder.sample(a, 100, 500, 2);
    builder.sample(a, 100, 700, 3);
    builder.add(a, held(100, 800, 3));
    builder.describe(a, None, counts(700, 0));
    let report = builder.finish(1, 1000, names());
    assert_eq!(
        function_times(&report),
        [(Some("f"), 400), (Some("g"), 300)]
    );
    assert_eq!(report.holds.max, 700);
}

#[test]
fn a_sample_of_another_hold_counts_for_nothing() {
    let mut builder = Builder::new(0, 1000);
    let a = builder.thread(A.0, A.1);
    builder.sample(a, 50, 300, 2);
    builder.add(a, held(100, 800, 3));
    assert_eq!(
        function_times(&builder.finish(1, 1000, names())),
        [(Some("g"), 700)]
    );
}

#[test]
fn a_wait_is_blamed_on_each_holder_for_its_part_and_is_one_wait() {
    let mut builder = Builder::new(0, 1000);
    let a = builder.thread(A.0, A.1);
    let b = builder.thread(B.0, B.1);
    let c = builder.thread(3, 103);
    builder.add(c, Record::new(Kind::Waiting, 0, A.1, 0, 300));
    builder.add(c, Record::new(Kind::Waited, 0, B.1, 300, 400));
    for thread in [a, b, c] {
        builder.describe(thread, None, counts(10, 0));
    }
    let report = builder.finish(1, 1000, names());
    let blamed: Vec<_> = report
        .pairs
        .iter()
        .map(|pair| (report.threads[pair.holder].tid, pair.waited_ns))
        .collect();
    assert_eq!(blamed, [(A.1, 300), (B.1, 100)]);
    assert_eq!(report.waits.max, 400);
}

#[test]
fn what_was_before_the_trace_is_cut_off() {
    let mut builder = Builder::new(1000, 1000);
    let a = builder.thread(A.0, A.1);
    builder.add(a, held(100, 900, 2));
    builder.add(a, held(950, 1200, 2));
    assert_eq!(
        function_times(&builder.finish(1, 2000, names())),
        [(Some("f"), 200)]
    );
}

#[test]
fn own_gils_are_told_apart() {
    let mut builder = Builder::new(0, 1000);
    let a = builder.thread(A.0, A.1);
    builder.add(a, held(0, 10, 2));
    let b = builder.thread(B.0, B.1);
    builder.add(b, Record::new(Kind::Held, 1, 2, 0, 20));
    let held: Vec<u64> = builder
        .finish(1, 100, names())
        .gils
        .iter()
        .map(|gil| gil.held_ns)
        .collect();
    assert_eq!(held, [10, 20]);
}

proptest! {
    #[test]
    fn slices_stay_few_and_add_up_to_what_was_held(
        steps in prop::collection::vec((0..50_000_u64, 1..50_000_u64, 2..4_u32), 1..800),
        limit in 16..200_usize,
    ) {
        let mut builder = Builder::new(0, limit);
        let thread = builder.thread(A.0, A.1);
        let (mut time, mut sum) = (0, 0);
        for (gap, length, function) in steps {
            let start = time + gap;
            builder.add(thread, held(start, start + length, function));
            time = start + length;
            sum += length;
        }
        builder.describe(thread, None, counts(sum, 0));
        let report = builder.finish(1, time, names());
        let slices = report.timelines[0].held.slices();
        prop_assert!(slices.len() <= limit, "{} slices", slices.len());
        prop_assert_eq!(slices.iter().map(|slice| slice.busy).sum::<u64>(), sum);
        prop_assert_eq!(report.functions.iter().map(|f| f.held_ns).sum::<u64>(), sum);
        prop_assert_eq!(report.gils[0].held_ns, sum);
    }
}
