"""CPython's own tests, adapted: see tests/test_stdlib_concurrent_futures.py."""
