"""`python -m shared.runtime.serve`: the process of every function, one per container.

Loads the target with functions-framework's own `create_app` and serves it without forking: waitress for
WSGI, uvicorn for ASGI. SIGTERM drains: see `wsgi` and `asgi`. Why: docs/decisions/0002-waitress-runner.md.
"""

import gc
import json
from pathlib import Path
from types import ModuleType

from shared.runtime import clock, lifecycle
from shared.runtime.logging import configure, get_logger
from shared.runtime.settings import load_runner

log = get_logger("shared.runtime.serve")  # not __name__, which is __main__ here


def main() -> None:
    """Runs until SIGTERM or SIGINT, then drains, flushes and returns (exit code 0)."""
    started = clock.monotonic()
    gc.disable()  # imports make no garbage; collecting during them takes a tenth of the start
    settings = load_runner()
    configure(service=settings.function_target, level=settings.log_level)

    from flask import Flask
    from functions_framework import create_app

    app = create_app(settings.function_target, settings.function_source)  # type: ignore[no-untyped-call]  # the framework has no types
    configure(service=settings.function_target, level=settings.log_level)
    lifecycle.on_listening(_settle)
    log.info("loaded", ms=round((clock.monotonic() - started) * 1000))
    if isinstance(app, Flask):
        from shared.runtime import wsgi
        from shared.runtime.http import to_problem

        app.register_error_handler(Exception, to_problem)  # the framework's own answers are HTML
        wsgi.serve(app, settings)
    else:
        from shared.runtime import asgi

        asgi.serve(app, settings)
    lifecycle.stop()
    log.info("stopped")


def _settle() -> None:
    """After the last import: exclude what exists now from collection, because it lives as long as the
    process.
    """
    gc.freeze()
    gc.enable()
    _say_if_uncompiled()


def _say_if_uncompiled() -> None:
    """On a root that keeps no bytecode every start compiles again, at 2.9 times the cost (docs/image.md)."""
    import flask

    found = [module.__name__ for module in (json, flask, lifecycle) if not _compiled(module)]
    if found:
        log.warning("started without compiled bytecode", modules=found)


def _compiled(module: ModuleType) -> bool:
    """Whether its bytecode is on the disk: it was, or this import could write it for the next start."""
    cached = module.__spec__.cached if module.__spec__ else None
    return cached is None or Path(cached).exists()


if __name__ == "__main__":
    main()
