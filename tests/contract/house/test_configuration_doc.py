"""docs/configuration.md says what the Settings classes say."""

from scripts import configuration_doc


def test_the_page_is_up_to_date():
    found = configuration_doc.PAGE.read_text()
    assert found == configuration_doc.page(), "run python -m scripts.configuration_doc"


def test_every_variable_of_every_function_says_what_it_is_for():
    rows = [line for line in configuration_doc.page().splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    assert [row for row in rows if row.endswith("|  |")] == []
