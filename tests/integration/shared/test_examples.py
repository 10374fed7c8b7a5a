"""The examples in docstrings that need PostgreSQL do what they show."""

from uuid import uuid4

import pytest

from tests.examples import NEED_DATABASE, failures


@pytest.mark.parametrize("module", NEED_DATABASE)
def test_examples_of(module, database, dsns):
    role = NEED_DATABASE[module]

    def given():
        return {"dsn": dsns[role], "database": database(role), "user_id": f"user-{uuid4()}"}

    assert failures(module, given) == ""
