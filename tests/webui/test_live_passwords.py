"""Our routes ask for the host's own password in every way of starting it."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.webui.host import Host

USER, PASSWORD = "ann", "secret"
LOGIN = f"{USER}:{PASSWORD}"
PAGE, API = ("--gradio-auth", LOGIN), ("--api-auth", LOGIN)
ROUTES = ("version", "models", "settings")
CASES = {  # flags, and what opens the routes: nothing, the page's login, the API's password
    "neither": ((), None), "page": (PAGE, "cookie"), "page, no API": ((*PAGE, "no api"), "cookie"),
    "API": (API, "basic"), "both": ((*PAGE, *API), "basic"), "API, no page": ((*API, "--nowebui"), "basic"),
}


def status(host: Host, route: str, **headers: str) -> int:
    """Of GET of a route, or POST of sketch-preview."""
    body = json.dumps({"image": ""}).encode() if route == "sketch-preview" else None
    request = urllib.request.Request(f"{host.url}/colorize-diffusion/{route}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def cookie(host: Host) -> str:
    """What the page's form gives."""
    body = urllib.parse.urlencode({"username": USER, "password": PASSWORD}).encode()
    with urllib.request.urlopen(urllib.request.Request(host.url + "/login", body), timeout=60) as answer:
        return "; ".join(line.split(";")[0] for line in answer.headers.get_all("Set-Cookie"))


@pytest.mark.parametrize("name", CASES)
def test_the_routes_ask_for_the_hosts_own_password(kind: str, name: str) -> None:
    from tests.webui.host import Host

    flags, opened = CASES[name]
    with Host.start(kind, flags=[flag for flag in flags if flag != "no api"], api="no api" not in flags,
                    probe=False) as host:
        basic = "Basic " + base64.b64encode(LOGIN.encode()).decode()
        headers = {"basic": {"Authorization": basic}, "cookie": {"Cookie": cookie(host) if opened == "cookie" else ""}}
        for route in (*ROUTES, "sketch-preview"):
            well = 422 if route == "sketch-preview" else 200  # no sketch is sent
            assert status(host, route) == (401 if opened else well), route
            for way, given in headers.items():
                assert status(host, route, **given) == (well if opened in (way, None) else 401), (route, way)
            if opened == "basic":
                assert status(host, route, Authorization=basic[:-4] + "AAA=") == 401
