"""Which errors of the database can never pass: the same statement fails with them for ever.

Source: PostgreSQL documentation, appendix A (error codes). Called by the unit of work and by event verdicts.
"""

import psycopg
from psycopg import errors

_LIMITS = "54"  # program limit exceeded: an index row too large, too many columns …


def exceeds_a_limit(error: BaseException) -> bool:
    """Class 54, which the driver files under OperationalError like a lost connection."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_LIMITS)


def is_permanent(error: BaseException) -> bool:
    """Class 22 (data), also where the driver itself refuses a value, 23 (constraints) and 54 (limits).

    Not a violated uniqueness: that is about other rows, which may change, or are not what they should be.
    """
    if isinstance(error, errors.UniqueViolation | errors.ExclusionViolation):
        return False
    return isinstance(error, psycopg.DataError | psycopg.IntegrityError) or exceeds_a_limit(error)
