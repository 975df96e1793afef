"""The one exception whose message is meant for the person at the keyboard."""


class UserError(Exception):
    """Stops the run with exit code 1; the message is one line that says what to do."""
