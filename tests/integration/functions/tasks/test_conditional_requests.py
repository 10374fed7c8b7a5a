"""`If-Match`, and what makes two requests with one Idempotency-Key the same, on every kind of object."""

import json

import pytest


@pytest.fixture
def objects(api):
    """Path, a change and the version of one object of each kind that has an ETag."""
    task = api.create(due="2026-06-01T08:00", timezone="Europe/London", recurrence={"every": "day"})
    hook = api("POST", "/v1/webhooks", {"url": "https://example.com/", "events": ["*"]}).get_json()
    api("PUT", "/v1/settings", {"digest_hour": 1})
    return [
        ("PATCH", f"/v1/tasks/{task['id']}", {"title": "Changed"}, 1),
        ("PATCH", f"/v1/series/{task['series_id']}", {"recurrence": {"every": "week"}}, 1),
        ("PATCH", f"/v1/webhooks/{hook['id']}", {"url": "https://example.org/"}, 1),
        ("PUT", "/v1/settings", {"digest_hour": 2}, 1),
    ]


def test_a_tag_of_another_version_is_refused_with_the_present_one(api, objects):
    for method, path, body, version in objects:
        for header in ('"99"', f'W/"{version}"', f'"99", W/"{version}"', '"not-ours"', '"a,b"'):
            refused = api(method, path, body, If_Match=header)
            assert (refused.status_code, refused.headers["ETag"]) == (412, f'"{version}"'), (path, header)


@pytest.mark.parametrize("header", ["*", '"1"', '"7", "1"', 'W/"7", "1" , "x"'])
def test_a_list_and_a_star_match_any_of_their_members(api, objects, header):
    for method, path, body, _ in objects:
        assert api(method, path, body, If_Match=header).status_code == 200, path


def test_a_header_that_is_no_list_of_tags_is_named(api, objects):
    for method, path, body, _ in objects:
        refused = api(method, path, body, If_Match="1")
        assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "If-Match"), path


def test_the_condition_belongs_to_what_an_idempotency_key_names(api):
    path = f"/v1/tasks/{api.create()['id']}"
    body = {"title": "Once", "priority": "P1"}
    first = api("PATCH", path, body, Idempotency_Key="k", If_Match='"1"')
    assert api("PATCH", path, body, Idempotency_Key="k", If_Match='"2"').status_code == 422
    assert api("PATCH", path, body, Idempotency_Key="k").status_code == 422
    headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": "k", "If-Match": '"1"'}
    other_order = json.dumps(dict(reversed(body.items())), indent=2)
    again = api.client.patch(path, data=other_order, headers=headers, content_type="application/json")
    assert (again.headers.get("Idempotency-Replayed"), again.get_json()) == ("true", first.get_json())
