"""The error of `scripts/image`, whose message is one line for the user."""


class CannotBuild(Exception):  # said of the wish, like CannotStart
    """The message names what is missing and what to do about it."""
