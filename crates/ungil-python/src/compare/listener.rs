//! What the user is told about the measuring, beside the result.

use ungil_report::LiveCell;

/// Takes remarks and progress; the command line shows them, a quiet caller drops them.
pub(crate) trait Listener {
    /// A sentence about what was decided.
    fn remark(&self, sentence: &str);

    /// These are the cells, with so many runs each; `running` and `ran` tell their indices.
    fn laid_out(&self, _cells: Vec<LiveCell>, _repeat: usize) {}

    /// A run of a cell begins.
    fn running(&self, _cell: usize) {}

    /// It took so long, seconds.
    fn ran(&self, _cell: usize, _wall_s: f64) {}

    /// So many visits are to come, in about so many seconds.
    fn planned(&self, visits: usize, seconds: f64);

    /// A visit begins: its cell, its run (from 1) of how many, its tasks, and the seconds left.
    fn begins(&self, cell: &str, run: usize, of: usize, tasks: usize, left_s: f64);

    /// So many tasks of the visit are done.
    fn tasks_done(&self, done: usize);

    /// The visit is over.
    fn ends(&self);

    /// All visits are over, or will not take place.
    fn finished(&self);
}
