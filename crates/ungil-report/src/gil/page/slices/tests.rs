//! What is written reads back: the reader here is `script/decode.js`, in Rust.

use base64::Engine;
use proptest::prelude::*;
use ungil_gil::model::{Builder, Counts, Function, Kind};

use super::*;

const START: u64 = 5_000_000_000;

struct Numbers(std::vec::IntoIter<u8>);

impl Numbers {
    fn next(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.0.next().expect("a whole number");
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
}

/// A slice as read: thread, start, end, subject, count, busy, GIL.
type Read = (usize, u64, u64, u64, u64, u64, u64);

fn blocks(report: &Report) -> (Value, Numbers) {
    let mut written = Vec::new();
    write(report, &["GIL holder".to_owned()], &mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    let block = |id: &str| {
        let (_, after) = text.split_once(&format!("id=\"{id}\">")).unwrap();
        after.split_once("</script>").unwrap().0.to_owned()
    };
    let slices = STANDARD.decode(block("trace-slices")).unwrap();
    (
        serde_json::from_str(&block("trace-about")).unwrap(),
        Numbers(slices.into_iter()),
    )
}

fn read(report: &Report) -> (Vec<Read>, Vec<Read>) {
    let (_, mut numbers) = blocks(report);
    let merged = |numbers: &mut Numbers, merged: bool, length: u64| {
        if merged {
            (numbers.next(), numbers.next())
        } else {
            (1, length)
        }
    };
    let (mut start, mut gil) = (0, 0);
    let holds = (0..numbers.next()).map(|_| {
        start += numbers.next();
        let (length, thread, tag) = (numbers.next(), numbers.next(), numbers.next());
        if tag & 2 != 0 {
            gil = numbers.next();
        }
        let (count, busy) = merged(&mut numbers, tag & 1 != 0, length);
        (
            thread as usize,
            start,
            start + length,
            tag >> 2,
            count,
            busy,
            gil,
        )
    });
    let holds: Vec<Read> = holds.collect();
    let mut waits = Vec::new();
    for thread in 0..report.threads.len() {
        let mut end = 0;
        for _ in 0..numbers.next() {
            let start = end + numbers.next();
            let length = numbers.next();
            end = start + length;
            let tag = numbers.next();
            let (count, busy) = merged(&mut numbers, tag & 1 != 0, length);
            waits.push((thread, start, end, tag >> 1, count, busy, 0));
        }
    }
    assert_eq!(numbers.0.next(), None, "nothing is left over");
    (holds, waits)
}

proptest! {
    #[test]
    fn every_slice_reads_back(
        slices in prop::collection::vec(
            (0..5_usize, any::<bool>(), 0..1_u64 << 40, 0..1_u64 << 33, 1..4_u32, 0..6_u32, 0..3_u16),
            0..60,
        )
    ) {
        let mut builder = Builder::new(START, 10_000);
        let mut clocks = [START; 5];
        let (mut holds, mut waits) = (Vec::new(), Vec::new());
        for thread in 0..5 {
            builder.thread(u64::from(thread), thread + 10);
            // Longer holders come first: so that the order of threads stays.
            let counts = Counts { held_ns: u64::from(10 - thread), ..Counts::default() };
            builder.describe(thread as usize, None, counts);
        }
        for (thread, holds_it, gap, length, count, subject, gil) in slices {
            let start = clocks[thread] + gap;
            let end = start + length.max(1);
            clocks[thread] = end;
            let kind = if holds_it { Kind::Held } else { Kind::Waited };
            let subject = if holds_it { subject } else { subject + 9 };
            let mut record = Record::new(kind, gil, subject, start, end);
            record.count = count;
            if count > 1 {
                record.busy /= 2;
            }
            builder.add(thread, record);
            let told = if holds_it { u64::from(subject) } else {
                // Thread numbers 10 to 14 are known, 9 is not.
                u64::from(subject.saturating_sub(9))
            };
            let gil = if holds_it { u64::from(gil) } else { 0 };
            let slice = (thread, start - START, end - START, told, u64::from(count), record.busy, gil);
            (if holds_it { &mut holds } else { &mut waits }).push(slice);
        }
        let name = |at: u32| Function { name: format!("f{at}"), file: format!("{}.py", at % 2), line: at };
        let names = (0..6).map(|at| (at > 1).then(|| name(at))).collect();
        let report = builder.finish(1, clocks.iter().copied().max().unwrap(), names);
        let (about, _) = blocks(&report);
        let (mut read_holds, mut read_waits) = read(&report);
        for hold in &mut read_holds {
            // From the page's numbers back to the names that they stand for.
            if hold.3 > 1 {
                let told = &about["functions"][hold.3 as usize - 2];
                prop_assert_eq!(&about["files"][told[1].as_u64().unwrap() as usize], &format!("{}.py", told[2].as_u64().unwrap() % 2));
                hold.3 = told[2].as_u64().unwrap();
            }
        }
        for read in [&mut read_holds, &mut holds, &mut read_waits, &mut waits] {
            read.sort_unstable();
        }
        prop_assert_eq!(read_holds, holds);
        prop_assert_eq!(read_waits, waits);
    }
}

#[test]
fn a_number_that_two_threads_had_is_the_one_that_held_meanwhile() {
    let mut builder = Builder::new(START, 1000);
    let hold = |start: u64, end: u64| Record::new(Kind::Held, 0, 0, START + start, START + end);
    for (serial, tid) in [(0, 7), (1, 7), (2, 8)] {
        let thread = builder.thread(serial, tid);
        let counts = Counts {
            held_ns: 100 - serial,
            ..Counts::default()
        };
        builder.describe(thread, None, counts);
    }
    builder.add(0, hold(0, 10));
    builder.add(1, hold(20, 30));
    builder.add(2, Record::new(Kind::Waited, 0, 7, START + 22, START + 30));
    let (_, waits) = read(&builder.finish(1, START + 40, Vec::new()));
    assert_eq!(waits[0].3, 2, "the second thread, counted from 1");
}
