"""The cap on concurrent ASGI requests."""

import asyncio

import pytest

from shared.runtime import lifecycle
from shared.runtime.asgi import Capped


async def _call(app, path="/v1/stream"):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    await app({"type": "http", "path": path}, receive, send)
    return sent


async def _answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b""})


def test_the_request_above_the_limit_is_refused_but_health_is_not():
    async def scenario():
        release = asyncio.Event()

        async def stream(scope, receive, send):
            if scope["path"] == "/v1/stream":
                await release.wait()
            await _answer(scope, receive, send)

        app = Capped(stream, 2)
        held = [asyncio.create_task(_call(app)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await _call(app)
        assert refused[0]["status"] == 503
        assert dict(refused[0]["headers"])[b"retry-after"] == b"2"
        assert (await _call(app, "/health/readiness"))[0]["status"] == 200
        release.set()
        assert [sent[0]["status"] for sent in await asyncio.gather(*held)] == [200, 200]
        assert (await _call(app))[0]["status"] == 200

    asyncio.run(scenario())


def test_a_failing_request_gives_its_place_back():
    async def fail(scope, receive, send):
        raise KeyError

    async def scenario():
        app = Capped(fail, 1)
        for _ in range(3):
            with pytest.raises(KeyError):
                await _call(app)

    asyncio.run(scenario())


def test_answers_end_their_connection_while_draining(monkeypatch):
    monkeypatch.setattr(lifecycle, "draining", lambda: True)
    sent = asyncio.run(_call(Capped(_answer, 1)))
    assert (b"connection", b"close") in sent[0]["headers"]


def test_other_scopes_pass():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Capped(app, 0)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
