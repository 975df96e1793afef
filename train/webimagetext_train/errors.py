"""The one exception whose message is meant for the person at the keyboard."""

import sys


class UserError(Exception):
    """Stops the run with exit code 1; the message is one line that says what to do."""


def pip_install(*packages: str) -> str:
    """The command that brings packages into the Python this runs in, which is seldom the one a shell would find."""
    return f"{sys.executable} -m pip install {' '.join(packages)}"
