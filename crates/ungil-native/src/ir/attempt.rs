//! `try`.

use super::Block;

/// A block whose errors are handled.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    /// The block.
    pub body: Block,
    /// The first one that takes an error handles it.
    pub handlers: Vec<Handler>,
    /// What happens where there was no error; its own errors are not handled here.
    pub orelse: Block,
}

/// What is done with errors of some classes.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    /// The classes' names in `builtins`; nothing for all that can happen, interruptions included.
    pub classes: Option<Vec<String>>,
    /// What is done.
    pub body: Block,
}
