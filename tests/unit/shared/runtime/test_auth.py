"""Tokens: one kind is good, everything else gets the same refusal."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.domain.errors import Unauthenticated
from shared.runtime.auth import Identity
from shared.testing.jwt import AUDIENCE, ISSUER, TestIssuer

issuer = TestIssuer()
NOW = issuer.claims("u")["iat"]


def _segment(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _hs256(secret: bytes) -> str:
    header, claims = _segment({"alg": "HS256", "kid": issuer.kid}), _segment(issuer.claims("u"))
    import hashlib
    import hmac

    mac = hmac.new(secret, f"{header}.{claims}".encode(), hashlib.sha256).digest()
    return f"{header}.{claims}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _jwks_x() -> bytes:
    return issuer.jwks["keys"][0]["x"].encode()


GOOD = issuer.token("u")
_foreign = Ed25519PrivateKey.generate()
BAD = {
    "empty": "",
    "words": "not a token",
    "two parts": GOOD.rpartition(".")[0],
    "four parts": GOOD + ".x",
    "no signature": GOOD.rpartition(".")[0] + ".",
    "changed signature": GOOD[:-8] + ("A" * 8 if not GOOD.endswith("A" * 8) else "B" * 8),
    "changed claims": ".".join([GOOD.split(".")[0], _segment(issuer.claims("v")), GOOD.split(".")[2]]),
    "alg none": f"{_segment({'alg': 'none', 'kid': issuer.kid})}.{_segment(issuer.claims('u'))}.",
    "alg None, signed": issuer.token("u", header={"alg": "none"}),
    "alg HS256 with the raw public key": _hs256(issuer.public_bytes()),
    "alg HS256 with the published text": _hs256(_jwks_x()),
    "alg ES256": issuer.token("u", header={"alg": "ES256"}),
    "alg in lower case": issuer.token("u", header={"alg": "eddsa"}),
    "alg list": issuer.token("u", header={"alg": ["EdDSA"]}),
    "foreign key, our kid": jwt.encode(issuer.claims("u"), _foreign, "EdDSA", headers={"kid": issuer.kid}),
    "other kid": issuer.token("u", header={"kid": "other"}),
    "no kid": jwt.encode(issuer.claims("u"), _foreign, "EdDSA"),
    "kid number": issuer.token("u", header={"kid": 5}),
    "kid long": issuer.token("u", header={"kid": "k" * 300}),
    "jku": issuer.token("u", header={"jku": "https://evil.example/jwks"}),
    "jwk": issuer.token("u", header={"jwk": {"kty": "OKP"}}),
    "x5u": issuer.token("u", header={"x5u": "https://evil.example/cert"}),
    "crit": issuer.token("u", header={"crit": ["exp"]}),
    "duplicate header": issuer.signed(
        f'{{"alg":"none","alg":"EdDSA","kid":"{issuer.kid}"}}', json.dumps(issuer.claims("u"))
    ),
    "header list": issuer.signed("[]", "{}"),
    "header nested": issuer.signed("[" * 5000, "{}"),
    "claims not JSON": issuer.signed(json.dumps({"alg": "EdDSA", "kid": issuer.kid}), "{"),
    "claims list": issuer.signed(json.dumps({"alg": "EdDSA", "kid": issuer.kid}), "[]"),
    "expired": issuer.token("u", exp=NOW - 31),
    "no exp": issuer.token("u", exp=None),
    "exp text": issuer.token("u", exp="soon"),
    "exp infinite": issuer.signed(
        json.dumps({"alg": "EdDSA", "kid": issuer.kid}),
        json.dumps(issuer.claims("u") | {"exp": float("inf")}),
    ),
    "no iat": issuer.token("u", iat=None),
    "iat in the future": issuer.token("u", iat=NOW + 3600),
    "nbf in the future": issuer.token("u", nbf=NOW + 3600),
    "no sub": issuer.token("u", sub=None),
    "sub empty": issuer.token(""),
    "sub number": issuer.token("u", sub=5),
    "sub long": issuer.token("u" * 256),
    "sub with control character": issuer.token("a\nb"),
    "sub with NUL": issuer.token("a\x00b"),
    "wrong iss": issuer.token("u", iss=ISSUER + ".evil"),
    "iss prefix": issuer.token("u", iss=ISSUER[:-1]),
    "no iss": issuer.token("u", iss=None),
    "iss list": issuer.token("u", iss=[ISSUER]),
    "wrong aud": issuer.token("u", aud="https://other.example"),
    "aud of two": issuer.token("u", aud=[AUDIENCE, "https://other.example"]),
    "aud of two, ours last": issuer.token("u", aud=["https://other.example", AUDIENCE]),
    "aud twice": issuer.token("u", aud=[AUDIENCE, AUDIENCE]),
    "aud list of another": issuer.token("u", aud=["https://other.example"]),
    "aud empty list": issuer.token("u", aud=[]),
    "aud list of a list": issuer.token("u", aud=[[AUDIENCE]]),
    "aud list of a number": issuer.token("u", aud=[5]),
    "aud object": issuer.token("u", aud={"value": AUDIENCE}),
    "no aud": issuer.token("u", aud=None),
    "over 8 KiB": issuer.token("u", padding="x" * 8192),
    "3 MB": "a" * 3_000_000,
    "not ASCII": GOOD + "é",
    "two tokens": f"{GOOD}, Bearer {GOOD}",
    "white space": f" {GOOD}",
    "line break": GOOD.replace(".", ".\n", 1),
}


def test_a_good_token():
    assert issuer.verifier().verify(GOOD) == Identity(user_id="u")


def test_leeway_and_opaque_subjects():
    verifier = issuer.verifier()
    assert verifier.verify(issuer.token("u", exp=issuer.claims("u")["iat"] - 5)).user_id == "u"
    assert verifier.verify(issuer.token("Ωpaque|id-32")).user_id == "Ωpaque|id-32"


def test_an_audience_may_be_a_list_of_one():
    assert issuer.verifier().verify(issuer.token("u", aud=[AUDIENCE])) == Identity(user_id="u")


@pytest.mark.parametrize("name", BAD)
def test_every_other_token_is_refused_the_same_way(name):
    with pytest.raises(Unauthenticated) as refused:
        issuer.verifier().verify(BAD[name])
    assert type(refused.value) is Unauthenticated
    assert (refused.value.code, refused.value.message) == (
        "unauthenticated",
        "A valid bearer token is required.",
    )


def test_nothing_is_fetched_for_a_token_that_cannot_be_good():
    own = TestIssuer()
    verifier = own.verifier()
    for name in ("alg none", "3 MB", "jku", "no kid", "words", "duplicate header"):
        with pytest.raises(Unauthenticated):
            verifier.verify(BAD[name])
    assert own.fetches == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://foreign.example"},
        {"aud": "https://foreign.example"},
        {"exp": NOW - 3600},
        {"sub": None},
    ],
)
def test_a_foreign_or_old_token_of_an_unknown_key_does_not_reach_the_issuer(claims):
    own = TestIssuer()
    verifier = own.verifier()
    verifier.verify(own.token("u"))
    foreign = TestIssuer()
    foreign.rotate()
    for _ in range(3):
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(foreign.token("u", **claims))
        assert refused.value.code == "unauthenticated"
    assert own.fetches == 1
