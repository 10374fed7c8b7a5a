"""Sealed secrets open only in their place and with their key."""

import pytest

from shared.runtime.sealing import Sealer, Unsealable, parse_keys

KEY = Sealer.new_key()


def test_what_is_sealed_opens_again():
    sealer = Sealer(KEY)
    sealed = sealer.encrypt("whsec_canary", context="user/1")
    assert b"canary" not in sealed
    assert sealer.decrypt(sealed, context="user/1") == "whsec_canary"
    assert sealer.encrypt("whsec_canary", context="user/1") != sealed


def test_elsewhere_or_changed_it_does_not():
    sealer = Sealer(KEY)
    sealed = sealer.encrypt("x", context="user/1")
    with pytest.raises(Unsealable):
        sealer.decrypt(sealed, context="user/2")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Unsealable):
            sealer.decrypt(bytes(changed), context="user/1")
    for cut in (b"", sealed[:5], sealed[:10], sealed[:-1]):
        with pytest.raises(Unsealable):
            sealer.decrypt(cut, context="user/1")


def test_keys_rotate():
    old = Sealer(KEY).encrypt("x")
    both = Sealer(f"{Sealer.new_key()},{KEY}")
    assert both.decrypt(old) == "x"
    with pytest.raises(Unsealable):
        Sealer(KEY).decrypt(both.encrypt("x"))


@pytest.mark.parametrize("key", ["", "short", "%%%", "A" * 42, "A" * 46])
def test_bad_keys_stop_the_start_without_being_shown(key):
    with pytest.raises(ValueError) as bad:
        parse_keys(key)
    assert not key or key not in str(bad.value)


def test_url_safe_keys_and_missing_padding_are_fine():
    assert parse_keys("-_" + "A" * 41) == "-_" + "A" * 41
