//! Clocks, `/proc` readers, statistics, scaling laws, verdicts. Pure.
