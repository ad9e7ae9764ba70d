"""Small programs with the field's classic concurrency bugs, and correct twins of some."""
