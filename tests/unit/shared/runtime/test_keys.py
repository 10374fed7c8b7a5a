"""The key cache through outages, rotations and floods; time is a number that the test moves."""

import json
import math
import threading
import time

import pytest

from shared.domain.errors import RetryLater, Unauthenticated
from shared.runtime import keys, problems
from shared.runtime.keys import KeySourceUnreachable, parse_keys
from shared.testing.jwt import TestIssuer


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def at() -> Time:
    return Time()


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
def verifier(issuer, at):
    return issuer.verifier(clock=at)


def _settle(verifier) -> None:
    """Waits for a background refresh to end."""
    cache = verifier._keys
    with cache._state:
        assert cache._state.wait_for(lambda: not cache._fetching, timeout=10)


def test_one_fetch_serves_five_minutes(verifier, issuer, at):
    for _ in range(10):
        at.now += 29
        verifier.verify(issuer.token("u"))
    assert issuer.fetches == 1


def test_keys_that_were_fetched_ahead_serve_the_first_token(verifier, issuer):
    verifier.prepare()
    _settle(verifier)
    assert verifier.verify(issuer.token("u")).user_id == "u"
    verifier.prepare()
    assert issuer.fetches == 1


def test_a_key_that_was_rotated_in_after_them_is_fetched_at_once(verifier, issuer):
    verifier.prepare()
    _settle(verifier)
    issuer.rotate()
    assert verifier.verify(issuer.token("u")).user_id == "u"
    assert issuer.fetches == 2


def test_an_issuer_that_was_away_then_is_asked_again_by_the_first_token(verifier, issuer):
    issuer.reachable = False
    verifier.prepare()
    _settle(verifier)
    issuer.reachable = True
    assert verifier.verify(issuer.token("u")).user_id == "u"
    assert issuer.fetches == 2


def test_after_five_minutes_the_refresh_is_in_the_background(verifier, issuer, at):
    verifier.verify(issuer.token("u"))
    at.now += 301
    assert verifier.verify(issuer.token("u")).user_id == "u"
    _settle(verifier)
    assert issuer.fetches == 2


def test_valid_tokens_are_served_for_a_day_without_the_issuer(verifier, issuer, at):
    verifier.verify(issuer.token("u"))
    issuer.reachable = False
    hour_by_hour = 0
    while at.now + 3600 < 1000 + 86_400:
        at.now += 3600
        verifier.verify(issuer.token("u"))
        _settle(verifier)
        hour_by_hour += 1
    assert hour_by_hour == 23
    at.now += 3601
    with pytest.raises(KeySourceUnreachable):
        verifier.verify(issuer.token("u"))
    issuer.reachable = True
    at.now += 31
    assert verifier.verify(issuer.token("u")).user_id == "u"


def test_an_outage_at_the_first_token_is_transient(verifier, issuer, at):
    issuer.reachable = False
    with pytest.raises(RetryLater) as unknown:
        verifier.verify(issuer.token("u"))
    assert unknown.value.code == "key_source_unreachable"
    issuer.reachable = True
    at.now += 5
    assert verifier.verify(issuer.token("u")).user_id == "u"


def test_a_rotated_key_is_fetched_at_once(verifier, issuer, at):
    old = issuer.token("u")
    verifier.verify(old)
    at.now += 60
    issuer.rotate()
    assert verifier.verify(issuer.token("u")).user_id == "u"
    assert verifier.verify(old).user_id == "u"
    assert issuer.fetches == 2


def test_a_withdrawn_key_is_refused_after_the_refresh(verifier, issuer, at):
    old, first = issuer.token("u"), issuer.kid
    verifier.verify(old)
    issuer.rotate()
    issuer.withdraw(first)
    at.now += 301
    verifier.verify(old)
    _settle(verifier)
    with pytest.raises(Unauthenticated):
        verifier.verify(old)


@pytest.mark.parametrize("after", [1, 15, 29.5])
def test_a_key_rotated_in_during_the_cool_down_is_retryable_and_then_found(verifier, issuer, at, after):
    verifier.verify(issuer.token("u"))
    at.now += after
    issuer.rotate()
    token = issuer.token("u")
    for _ in range(3):
        with pytest.raises(KeySourceUnreachable) as later:
            verifier.verify(token)
    answer = problems.of_app_error(later.value, instance=None)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(math.ceil(30 - after)))
    assert issuer.fetches == 1
    at.now += later.value.delay
    assert verifier.verify(token).user_id == "u"
    assert issuer.fetches == 2


def test_a_key_that_a_fetch_did_not_bring_is_unknown_for_a_minute(verifier, issuer, at):
    verifier.verify(issuer.token("u"))
    at.now += 31
    issuer.rotate(publish=False)
    token = issuer.token("u")
    for passed in (0, 10, 35, 15):  # past the cool-down too: it was looked up
        at.now += passed
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(token)
        assert not isinstance(refused.value, RetryLater)
    assert issuer.fetches == 2


def test_a_key_published_late_is_found_later(verifier, issuer, at):
    verifier.verify(issuer.token("u"))
    at.now += 31
    issuer.rotate(publish=False)
    token = issuer.token("u")
    with pytest.raises(Unauthenticated):
        verifier.verify(token)
    issuer._published[issuer.kid] = issuer.jwks["keys"][0] | {
        "kid": issuer.kid,
        "x": keys_x(issuer),
    }
    at.now += 61
    assert verifier.verify(token).user_id == "u"


def test_a_failed_fetch_makes_no_key_unknown(verifier, issuer, at):
    verifier.verify(issuer.token("u"))
    issuer.rotate()
    token = issuer.token("u")
    issuer.reachable = False
    at.now += 31
    for passed, delay in ((0, 30), (10, 20)):
        at.now += passed
        with pytest.raises(KeySourceUnreachable) as later:
            verifier.verify(token)
        assert later.value.delay == delay
    issuer.reachable = True
    at.now += 20
    assert verifier.verify(token).user_id == "u"


def test_a_flood_of_random_keys_does_not_keep_a_rotated_one_out(verifier, issuer, at):
    known = issuer.token("known")
    verifier.verify(known)
    at.now += 10
    issuer.rotate()
    rotated, admitted_at = issuer.token("rotated"), None
    for i in range(80):
        at.now += 0.5
        with pytest.raises((Unauthenticated, KeySourceUnreachable)):
            verifier.verify(issuer.token("u", header={"kid": f"random-{i}"}))
        assert verifier.verify(known).user_id == "known"
        try:
            verifier.verify(rotated)
            admitted_at = admitted_at or at.now
        except KeySourceUnreachable:
            assert admitted_at is None
    assert admitted_at is not None
    assert admitted_at <= 1000 + keys.COOLDOWN_SECONDS
    assert issuer.fetches == 2


def test_a_slow_fetch_holds_only_a_few_requests_while_others_are_served(issuer, at):
    entered, release = threading.Event(), threading.Event()

    def slow(url):
        if issuer.fetches:
            entered.set()
            assert release.wait(10)
        return issuer.fetch(url)

    verifier = issuer.verifier(fetch=slow, clock=at)
    known = issuer.token("known")
    verifier.verify(known)
    issuer.rotate()
    rotated, found = issuer.token("rotated"), []
    at.now += 31
    threads = [
        threading.Thread(target=lambda: found.append(verifier.verify(rotated).user_id))
        for _ in range(1 + keys.MAX_WAITING)
    ]
    for thread in threads:
        thread.start()
    cache = verifier._keys
    assert entered.wait(10)
    while cache._waiting < keys.MAX_WAITING:
        time.sleep(0.001)
    with pytest.raises(KeySourceUnreachable):  # at once: the fetch is still held
        verifier.verify(rotated)
    assert verifier.verify(known).user_id == "known"
    release.set()
    for thread in threads:
        thread.join(10)
    assert found == ["rotated"] * len(threads)
    assert issuer.fetches == 2


def keys_x(issuer) -> str:
    import base64

    return base64.urlsafe_b64encode(issuer.public_bytes()).rstrip(b"=").decode()


@pytest.mark.parametrize("reachable", [True, False])
def test_a_flood_of_unknown_keys_costs_two_fetches_a_minute(verifier, issuer, at, reachable):
    good = issuer.token("u")
    verifier.verify(good)
    issuer.reachable, before = reachable, issuer.fetches
    forged = issuer.token("u", header={"kid": "forged"})
    head, rest = forged.split(".")[0], forged.partition(".")[2]
    assert head
    for i in range(1200):
        at.now += 0.05
        import base64

        header = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "kid": f"k{i}"}).encode()).rstrip(b"=")
        with pytest.raises((Unauthenticated, KeySourceUnreachable)):
            verifier.verify(f"{header.decode()}.{rest}")
        if i % 100 == 0:
            assert verifier.verify(good).user_id == "u"
    assert issuer.fetches - before <= 2
    assert len(verifier._keys._unknown) <= keys.MAX_UNKNOWN


def test_many_threads_make_one_fetch(issuer, at):
    entered, release = threading.Event(), threading.Event()

    def slow(url):
        entered.set()
        assert release.wait(10)
        return issuer.fetch(url)

    verifier, token, found = issuer.verifier(fetch=slow, clock=at), issuer.token("u"), []
    threads = [
        threading.Thread(target=lambda: found.append(verifier.verify(token).user_id)) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    time.sleep(0.05)  # the others reach the cache and wait there
    release.set()
    for thread in threads:
        thread.join(10)
    assert found == ["u"] * 10
    assert issuer.fetches == 1


def test_a_refresh_that_fails_keeps_the_keys(verifier, issuer, at):
    token = issuer.token("u")
    verifier.verify(token)
    issuer._published.clear()  # an empty document is a failure, not a revocation of everything
    at.now += 301
    verifier.verify(token)
    _settle(verifier)
    assert verifier.verify(token).user_id == "u"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b'{"keys": 5}',
        b'{"keys": []}',
        b'{"keys": [5, {}, {"kty": "RSA"}]}',
        b" " * 70_000,
    ],
)
def test_documents_without_a_usable_key(document):
    with pytest.raises(ValueError):
        parse_keys(document)


def test_only_public_ed25519_signing_keys_with_an_id_are_used(issuer):
    good = issuer.jwks["keys"][0]
    odd = [
        good | {"kid": "rfc9864", "alg": "Ed25519"},
        good | {"kid": "rsa", "kty": "RSA"},
        good | {"kid": "x25519", "crv": "X25519"},
        good | {"kid": "es", "alg": "ES256"},
        good | {"kid": "enc", "use": "enc"},
        good | {"kid": "private", "d": "secret"},
        {k: v for k, v in good.items() if k != "kid"},
        {k: v for k, v in good.items() if k != "alg"} | {"kid": "bare"},
    ]
    assert set(parse_keys(json.dumps({"keys": [good, *odd]}).encode())) == {good["kid"], "rfc9864", "bare"}


def test_a_fetch_that_never_ends_holds_nobody_for_ever_and_is_replaced(issuer, at, monkeypatch):
    """A name that does not resolve, or headers that drip: no timeout of a socket ends that."""
    monkeypatch.setattr(keys, "WAIT_SECONDS", 0.05)
    release, ended = threading.Event(), threading.Event()

    def hanging(url):
        if issuer.reachable:
            return issuer.fetch(url)
        release.wait(30)
        ended.set()
        raise OSError

    verifier = issuer.verifier(fetch=hanging, clock=at)
    issuer.reachable = False
    for _ in range(3):  # the first begins the fetch; the others wait for it, and no longer
        with pytest.raises(KeySourceUnreachable):
            verifier.verify(issuer.token("u"))
    issuer.reachable = True
    at.now += keys.COLD_COOLDOWN_SECONDS
    assert verifier.verify(issuer.token("u")).user_id == "u"
    release.set()
    assert ended.wait(10)
    assert verifier.verify(issuer.token("u")).user_id == "u"  # the old fetch has changed nothing
    assert issuer.fetches == 1
