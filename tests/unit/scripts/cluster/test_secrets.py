import json
from urllib.parse import unquote, urlsplit

import jwt
import pytest

from scripts.cluster import secrets
from scripts.local.issuer import AUDIENCE, ISSUER
from shared.db.roles import ROLES
from shared.runtime.sealing import parse_keys

HOST = "db.todo-app.svc.cluster.local"
EVERYTHING = {secrets.DATABASE, secrets.ADMIN, secrets.WEBHOOKS, secrets.AUTH}


def test_everything_is_made_once():
    made = secrets.missing(set(), host=HOST)
    assert set(made) == EVERYTHING
    assert secrets.missing(set(made), host=HOST) == {}


def test_only_what_is_missing_is_made():
    assert set(secrets.missing(EVERYTHING - {secrets.WEBHOOKS}, host=HOST)) == {secrets.WEBHOOKS}


@pytest.mark.parametrize("gone", [secrets.DATABASE, secrets.ADMIN])
def test_half_of_the_database_is_not_repaired_with_other_passwords(gone):
    with pytest.raises(secrets.HalfMade, match=gone):
        secrets.missing(EVERYTHING - {gone}, host=HOST)


def test_every_role_has_a_dsn_with_the_password_that_the_job_gives_it():
    made = secrets.missing(set(), host=HOST)
    passwords = json.loads(made[secrets.ADMIN]["roles.json"])
    assert set(passwords) == set(ROLES) == set(made[secrets.DATABASE])
    for role, dsn in made[secrets.DATABASE].items():
        parts = urlsplit(dsn)
        assert (parts.username, unquote(parts.password or ""), parts.hostname) == (
            role,
            passwords[role],
            HOST,
        )


def test_the_webhook_key_is_one_that_the_functions_take():
    parse_keys(secrets.missing(set(), host=HOST)[secrets.WEBHOOKS]["encryption-key"])


def test_tokens_verify_with_the_published_key():
    issuer = secrets.issuer_of(secrets.missing(set(), host=HOST)[secrets.AUTH]["issuer-key"])
    key = jwt.PyJWKSet.from_dict(dict(issuer.jwks)).keys[0]
    claims = jwt.decode(issuer.token("ada"), key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
    assert claims["sub"] == "ada"
