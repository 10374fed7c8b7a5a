"""Which errors of the database are final."""

import psycopg
import pytest
from psycopg import errors

from shared.db.sqlstate import is_permanent


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (errors.NumericValueOutOfRange(), True),
        (errors.InvalidTextRepresentation(), True),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), True),
        (errors.CheckViolation(), True),
        (errors.NotNullViolation(), True),
        (errors.ForeignKeyViolation(), True),
        (errors.ProgramLimitExceeded(), True),
        (errors.UniqueViolation(), False),
        (errors.DeadlockDetected(), False),
        (errors.AdminShutdown(), False),
        (errors.DiskFull(), False),
        (errors.QueryCanceled(), False),
        (errors.UndefinedTable(), False),
        (psycopg.OperationalError("connection lost"), False),
        (RuntimeError(), False),
    ],
)
def test_final_errors(error, final):
    assert is_permanent(error) is final
