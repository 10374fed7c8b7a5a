"""Names are compared the same way whatever the locale of the database.

The embedded server is built without ICU, which the cloud's have. Those locales are tried on a server of the
system: Debian, Ubuntu and the runners of continuous integration keep one in /usr/lib/postgresql.
"""

import os
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from scripts.local.postgres import EmbeddedPostgres
from shared.db import migrate, roles
from shared.domain.text import fold

# C knows no letters but A to Z; C.UTF-8 maps one letter to one, PG_UNICODE_FAST one to several; the Turkish I
# is nobody else's.
LOCALES = {
    "C": "locale 'C'",
    "C.UTF-8 of the system": "locale 'C.UTF-8'",
    "C.UTF-8 of PostgreSQL": "locale 'C' locale_provider builtin builtin_locale 'C.UTF-8'",
    "all of Unicode of PostgreSQL": "locale 'C' locale_provider builtin builtin_locale 'PG_UNICODE_FAST'",
    "Turkish of ICU": "locale 'C' locale_provider icu icu_locale 'tr-TR'",
    "German of ICU": "locale 'C' locale_provider icu icu_locale 'de-DE'",
}
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
TITLES = [
    "Äpfel",
    "apfel",
    "Zebra",
    "straße",
    "Strasse 2",
    "İstanbul",
    "izmir",
    "ILGAZ",
    "éclair",
    "_x",
    "A\u0308hre",
]


@pytest.fixture(scope="module")
def with_icu(
    postgres: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """DSNs of a server that has ICU: that of all tests, or one of the system's programs."""
    with psycopg.connect(postgres["admin"], autocommit=True) as admin:
        own = admin.execute("select count(*) from pg_collation where collname = 'tr-x-icu'").fetchone()
    if own != (0,):
        yield postgres
        return
    if not INSTALLED:
        missing = "no server with ICU: apt-get install postgresql"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    server = EmbeddedPostgres(tmp_path_factory.mktemp("icu"), durable=False)
    server._server = replace(server._server, programs=INSTALLED[-1].parent)
    try:
        yield server.start() | {"admin": server.admin_dsn}
    finally:
        server.destroy()


@pytest.fixture(scope="module", params=LOCALES)
def dsns(request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """As everywhere, of a new database of that locale."""
    server = request.getfixturevalue("with_icu" if "ICU" in request.param else "postgres")
    name = f"locale_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server["admin"], autocommit=True) as admin:
        admin.execute(f"create database {name} template template0 encoding 'UTF8' {LOCALES[request.param]}")
        admin.execute(f"alter database {name} owner to {roles.OWNER}")
        roles.ensure_database(admin, name)
        made = {role: make_conninfo(server[role], dbname=name) for role in roles.ROLES}
        try:
            migrate.upgrade(made["owner"])
            yield made | {"admin": server["admin"]}
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _titles(api, query):
    response = api("GET", f"/v1/tasks?{query}")
    assert response.status_code == 200, response.text
    return [task["title"] for task in response.get_json()["items"]]


def test_tags_are_found_by_any_writing_of_them(api):
    api.create(title="a", tags=["Ärzte", "Straße", "İzmir", "Home"])
    api.create(title="b", tags=["GÜNLÜK", "Σίσυφος"])
    for tag in ("ärzte", "ÄRZTE", "A\u0308RZTE", "STRASSE", "strasse", "i\u0307zmir", "home", " HOME "):
        assert _titles(api, f"tag={quote(tag)}") == ["a"], tag
        assert _titles(api, f"tag_any={quote(tag)},nothing") == ["a"], tag
    for tag in ("günlük", "Günlük", "ΣΊΣΥΦΟΣ"):
        assert _titles(api, f"tag={quote(tag)}") == ["b"], tag
    assert _titles(api, f"tag={quote('strasse')},home,{quote('günlük')}") == []
    assert _titles(api, f"sort=title&tag_any={quote('STRASSE')},{quote('günlük')}") == ["a", "b"]


def test_titles_are_sorted_by_their_fold_and_paged_in_that_order(api):
    for title in TITLES:
        api.create(title=title)
    expected = sorted((unicodedata.normalize("NFC", title) for title in TITLES), key=fold)
    assert _titles(api, "sort=title") == expected
    assert _titles(api, "sort=-title") == expected[::-1]
    paged, cursor = [], ""
    while cursor is not None:
        page = api("GET", f"/v1/tasks?sort=title&limit=2{cursor and '&cursor=' + cursor}").get_json()
        paged += [task["title"] for task in page["items"]]
        cursor = page["next_cursor"]
    assert paged == expected


def test_a_change_is_folded_as_well(api):
    task = api.create(title="Äpfel", tags=["Obst"])
    api("PATCH", f"/v1/tasks/{task['id']}", {"title": "ÖL", "tags": ["Öl"]})
    api.create(title="öa")
    assert _titles(api, f"tag={quote('öl')}") == ["ÖL"]
    assert _titles(api, "tag=obst") == []
    assert _titles(api, "sort=title") == ["öa", "ÖL"]


def test_the_longest_fold_fits_into_a_cursor(api):
    for title in ("\ufb03" * 200, "\U00010400" * 200, "\u1fb7" * 200, "\ufb17" * 200):
        api.create(title=title)
    page = api("GET", "/v1/tasks?sort=title&limit=1").get_json()
    for _ in range(3):
        page = api("GET", f"/v1/tasks?sort=title&limit=1&cursor={page['next_cursor']}").get_json()
        assert len(page["items"]) == 1
    assert page["next_cursor"] is None
