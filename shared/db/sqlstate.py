"""Tells which errors of the database are permanent: repeating the statement cannot help.

Source: PostgreSQL documentation, appendix A (error codes). Called by the unit of work and by event verdicts.
"""

import psycopg
from psycopg import errors

_LIMITS = "54"  # program limit exceeded: an index row too large, too many columns …


def exceeds_a_limit(error: BaseException) -> bool:
    """Class 54 (program limits). The driver raises it as OperationalError, like a lost connection."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_LIMITS)


def is_permanent(error: BaseException) -> bool:
    """Class 22 (data), also where the driver itself refuses a value, 23 (constraints) and 54 (limits).

    A violated uniqueness is not permanent: it depends on other rows, and those may change.
    """
    if isinstance(error, errors.UniqueViolation | errors.ExclusionViolation):
        return False
    return isinstance(error, psycopg.DataError | psycopg.IntegrityError) or exceeds_a_limit(error)
