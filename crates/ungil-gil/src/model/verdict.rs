//! What a trace means, in plain English: a table of rules, of which the first that holds is told.

use ungil_measure::units::{percent, seconds};

use super::report::{Pair, Report, Thread};

/// Held for less than this share of the time, the GIL keeps nobody waiting.
const IDLE: f64 = 0.3;
/// Held for more than this share of the time, there is nothing left to gain from more threads.
const SATURATED: f64 = 0.85;
/// A thread that has more than this share of all holding is the only one that matters.
const ALONE: f64 = 0.97;
/// A thread that has more than this share of all holding dominates the others.
const DOMINANT: f64 = 0.7;
/// Waiting for less than this share of the time is not worth a word.
const LITTLE_WAITING: f64 = 0.02;
/// Waiting for more than this share of the time, for one other thread, is starving.
const STARVED: f64 = 0.1;

/// What follows from a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Stable name of the rule, also in the JSON document.
    pub rule: &'static str,
    /// What it says.
    pub sentence: String,
}

/// The figures that rules look at.
struct Evidence<'a> {
    report: &'a Report,
    /// Share of the time that the busiest GIL was held.
    held: f64,
    /// Time that threads waited, added up over them, as a share of the time.
    waited: f64,
    /// The thread that held longest, and its share of all holding.
    busiest: Option<(&'a Thread, f64)>,
    /// The pair with the longest waits, and the share of the time that the one waited.
    worst: Option<(&'a Pair, f64)>,
}

impl<'a> Evidence<'a> {
    fn of(report: &'a Report) -> Self {
        let busiest_gil = report.gils.iter().max_by_key(|gil| gil.held_ns);
        let most = report.threads.first();
        let all = report.total.held_ns.max(1) as f64;
        let worst = report.pairs.first();
        Self {
            report,
            held: busiest_gil.map_or(0.0, |gil| report.share(gil.held_ns)),
            waited: report.share(report.total.waited_ns),
            busiest: most.map(|thread| (thread, thread.counts.held_ns as f64 / all)),
            worst: worst.map(|pair| (pair, report.share(pair.waited_ns))),
        }
    }

    fn busiest_has(&self, share: f64) -> bool {
        self.busiest.is_some_and(|(_, has)| has >= share)
    }

    fn starves(&self) -> bool {
        self.worst.is_some_and(|(_, share)| share >= STARVED)
    }

    fn name(&self, thread: usize) -> &str {
        &self.report.threads[thread].name
    }

    fn word(&self, word: &str) -> String {
        let busiest = self.busiest.map(|(thread, _)| thread);
        let worst = self.worst.map(|(pair, _)| pair);
        match word {
            "held" => percent(self.held),
            "waited" => percent(self.waited),
            "waited.time" => seconds(self.report.total.waited_ns as f64 / 1e9),
            "threads" => self
                .report
                .threads
                .iter()
                .filter(|thread| thread.counts.held_ns > 0)
                .count()
                .to_string(),
            "busiest" => busiest.map_or(String::new(), |thread| thread.name.clone()),
            " for up to, busiest" => for_up_to(busiest),
            "holder" => worst.map_or(String::new(), |pair| self.name(pair.holder).to_owned()),
            "waiter" => worst.map_or(String::new(), |pair| self.name(pair.waiter).to_owned()),
            "starved" => self
                .worst
                .map_or(String::new(), |(_, share)| percent(share)),
            " for up to" => for_up_to(worst.map(|pair| &self.report.threads[pair.holder])),
            "in function" => worst
                .and_then(|pair| pair.function.as_ref())
                .map_or(String::new(), |function| {
                    format!(", mostly in {}", function.name)
                }),
            _ => unreachable!("the tables use no other word"),
        }
    }
}

/// The longest of its holds, where single holds are known.
fn for_up_to(thread: Option<&Thread>) -> String {
    match thread.map_or(0, |thread| thread.holds.max) {
        0 => String::new(),
        longest => format!(" for up to {} at once", seconds(longest as f64 / 1e9)),
    }
}

struct Rule {
    name: &'static str,
    when: fn(&Evidence<'_>) -> bool,
    sentence: &'static str,
}

/// In order of precedence. The last one always holds.
const RULES: &[Rule] = &[
    Rule {
        name: "nothing-seen",
        when: |e| e.busiest.is_none(),
        sentence: "Nothing to say: no thread held the GIL while the trace was on.",
    },
    Rule {
        name: "one-thread",
        when: |e| e.busiest_has(ALONE) && e.waited < LITTLE_WAITING && e.held >= IDLE,
        sentence: "The GIL is not your problem: {busiest} is the only thread that runs Python code \
                   ({held} of the time), and nobody waits for it. More speed needs faster code, or \
                   more workers: processes, or native code that releases the GIL.",
    },
    Rule {
        name: "idle",
        when: |e| e.waited < LITTLE_WAITING && e.held < IDLE,
        sentence: "The GIL is not your problem: it is held {held} of the time, and threads wait for \
                   it {waited}.",
    },
    Rule {
        name: "free-enough",
        when: |e| e.waited < LITTLE_WAITING,
        sentence: "The GIL is not your problem yet: it is held {held} of the time, but threads wait \
                   for it only {waited}.",
    },
    Rule {
        name: "starving",
        when: |e| e.starves() && e.busiest_has(DOMINANT),
        sentence: "{holder} starves {waiter}: {waiter} spends {starved} of the time waiting for it. \
                   {holder} holds the GIL{ for up to}{in function}. Move that work \
                   to a process or to native code that releases the GIL.",
    },
    Rule {
        name: "saturated",
        when: |e| e.held >= SATURATED,
        sentence: "Threads cannot help here: the GIL is held {held} of the time, and {threads} \
                   threads that hold it spend {waited} of it waiting, all together. Processes, or \
                   native code that releases the GIL, would help.",
    },
    Rule {
        name: "pair",
        when: |e| e.starves(),
        sentence: "The GIL costs you time: {waiter} spends {starved} of it waiting for {holder}, \
                   which holds it{ for up to}{in function}.",
    },
    Rule {
        name: "some-waiting",
        when: |_| true,
        sentence: "The GIL costs a little: threads waited {waited.time} for it all together, \
                   {waited} of the time, while it was held {held}; {busiest} held it \
                   longest{ for up to, busiest}.",
    },
];

/// Applies the table.
pub fn decide(report: &Report) -> Verdict {
    let evidence = Evidence::of(report);
    let rule = RULES
        .iter()
        .find(|rule| (rule.when)(&evidence))
        .unwrap_or(&RULES[RULES.len() - 1]);
    Verdict {
        rule: rule.name,
        sentence: fill(rule.sentence, |word| evidence.word(word)),
    }
}

/// A sentence with its words in braces replaced.
fn fill(template: &str, word: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, remaining) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(&word(name));
        rest = remaining;
    }
    filled + rest
}

#[cfg(test)]
mod tests;
