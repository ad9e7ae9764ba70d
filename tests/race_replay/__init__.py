"""A program, and what CPython 3.11 has found in it."""
