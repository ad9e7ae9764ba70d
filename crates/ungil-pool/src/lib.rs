//! Executor engine: queues, worker life cycle, shared-memory transport. Knows no Python.
