"""Why something cannot be explained."""


class Refused(ValueError):
    """What was named is not there, or has no byte code; the message says what to do."""
