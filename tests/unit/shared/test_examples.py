"""The examples in docstrings do what they show."""

import pytest

from tests.examples import NEED_DATABASE, failures, modules


@pytest.mark.parametrize("module", [name for name in modules() if name not in NEED_DATABASE])
def test_examples_of(module):
    assert failures(module) == ""
