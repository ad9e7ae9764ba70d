"""A program, and its finding by another Python."""
