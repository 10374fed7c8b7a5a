"""What `scripts/image` says in one line when it cannot make an image."""


class CannotBuild(Exception):  # said of the wish, like CannotStart
    """The message names what is missing and what to do about it."""
