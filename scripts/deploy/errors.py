"""What ends a deployment, each in one line that names the fault and the fix."""


class Refused(Exception):
    """Nothing was changed."""


class Failed(Exception):
    """Something was changed, and what ran before runs again."""


class Stuck(Exception):
    """Something was changed, and a person has to look."""
