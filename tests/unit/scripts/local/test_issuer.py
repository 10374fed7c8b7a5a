"""Tokens of the local issuer verify with PyJWT and its JWKS, as the functions do it."""

import stat

import jwt
import pytest

from scripts.local.issuer import AUDIENCE, ISSUER, issuer


def verified(token, jwks):
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)


def test_a_token_verifies_and_names_the_user(tmp_path):
    keys = issuer(tmp_path)
    claims = verified(keys.token("alice", expires=60), keys.jwks)
    assert claims["sub"] == "alice"
    assert claims["exp"] - claims["iat"] == 60


def test_an_expired_token_does_not(tmp_path):
    keys = issuer(tmp_path)
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(keys.token("alice", expires=-10), keys.jwks)


def test_the_key_is_kept_and_private(tmp_path):
    assert issuer(tmp_path).jwks == issuer(tmp_path).jwks
    key = tmp_path / "secrets/taskflow-auth/issuer-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_homes_have_keys_of_their_own(tmp_path):
    assert issuer(tmp_path / "a").jwks != issuer(tmp_path / "b").jwks
