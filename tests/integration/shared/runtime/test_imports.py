"""What a process has imported when it gives its first answer: the wake-up time of every function."""

import subprocess
import sys

import pytest

from tests.integration.shared.runtime.conftest import FUNCTIONS

LATE = (
    "sqlalchemy",
    "alembic",
    "pydantic",
    "kafka",
    "requests",
    "cronsim",
    "dateutil",
    "prometheus_client",
    "jwt",
    "cryptography",
    "psycopg_pool",
    "gunicorn",
)
SCRIPT = """
import os, sys
os.environ["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
from functions_framework import create_app
app = create_app({target!r}, {source!r})
assert app.test_client().get("/health/readiness").status_code in (200, 204)
import shared.runtime.wsgi
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


@pytest.mark.parametrize("target", ["hello", "events"])
def test_heavy_modules_come_after_the_first_answer(target):
    script = SCRIPT.format(target=target, source=str(FUNCTIONS / f"{target}.py"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & set(LATE) == set()
