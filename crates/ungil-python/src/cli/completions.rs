//! `ungil completions`.

use clap::CommandFactory;

use super::args::{CompletionsArgs, Ungil};

/// The completion script.
pub(super) fn script(args: &CompletionsArgs) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell(), &mut Ungil::command(), "ungil", &mut script);
    script
}
