"""Who may use our routes: whoever may use the WebUI's own API, or where that asks for nothing, its page."""

from __future__ import annotations

from typing import Any

API, PAGE = "/sdapi/v1/options", "/config"  # a route of each, with the guard that all of its kind have


def guard_of(app: Any) -> list[Any]:
    """The dependencies of FastAPI that ask for the host's own password, of --api-auth, else of --gradio-auth.

    app: the host's application with its own routes on it. Gradio's guard lets everybody in where no login is set.
    """
    return _dependencies(app, API) or _dependencies(app, PAGE)


def _dependencies(app: Any, path: str) -> list[Any]:
    for route in app.routes:
        if getattr(route, "path", "") == path and getattr(route, "dependencies", None):
            return list(route.dependencies)
    return []
