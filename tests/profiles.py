"""How many examples Hypothesis makes. Registered by tests/conftest.py; read by tests that need another number
than their profile's.

`quick` is what `scripts/test` runs: the same ones every time. For new ones, for as long as it takes:
`scripts/test unit integration -- --hypothesis-profile=thorough`.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The characters of `st.text()`, which finds them by encoding each of a million: a second in every new worker.
ANY = st.characters(exclude_categories=["Cs"])


def register() -> None:
    """Before pytest loads the profile that its command line names."""
    settings.register_profile(
        "quick",
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,  # says more about the machine than about the code, as does its slowness
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000, derandomize=False)
    settings.load_profile("quick")


def examples(share: float = 1.0) -> int:
    """The profile's number, times `share`."""
    return max(1, round(settings.default.max_examples * share))
