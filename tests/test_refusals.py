"""What the sentences of a refusal say of what was found: short, however much was sent, and of use."""

from __future__ import annotations

import pytest

from lib_colorize.errors import ColorizeError, most_like, shortened
from lib_colorize.hosts.request import ARGUMENTS, parse
from lib_colorize.hosts.settings import HOST_OWNED
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.backdrop import backdrop_colour
from lib_colorize.pictures.lineart import extractor

LONG = "a picture as base64 in a wrong place, " * 900


def used(name: str, value: object) -> None:
    """Parsed, and what is looked at only later looked at."""
    request = parse([{"reference": "r", name: value}])
    if request is not None:
        extractor(request.settings.extractor)
        backdrop_colour(request.settings.backdrop_colour)


@pytest.mark.parametrize("name", [*ARGUMENTS, *sorted(HOST_OWNED), "nonsense", "n" * 9000])
@pytest.mark.parametrize("value", [LONG, {"of": [LONG] * 20}, [LONG] * 16], ids=["text", "object", "list"])
def test_a_refusal_is_short_whatever_was_sent(name: str, value: object) -> None:
    """A list that lacks one argument puts pictures where numbers belong: the answer repeated all of them."""
    try:
        used(name, value)
    except ColorizeError as error:
        assert len(str(error)) < 300, str(error)[:600]


def test_a_list_that_is_too_long_is_refused_without_all_names() -> None:
    with pytest.raises(ColorizeError) as caught:
        parse([True, *[None] * 600])
    assert str(caught.value) == f"601 arguments, expected at most {len(ARGUMENTS)}"


def test_an_unknown_name_is_told_with_those_most_like_it() -> None:
    with pytest.raises(ColorizeError, match="^unknown argument 'referense_guidance'; .*are reference_guidance, "):
        parse([{"reference": "r", "referense_guidance": 2}])
    with pytest.raises(ColorizeError, match="^unknown setting 'sketch_guidence'; .*are sketch_guidance, "):
        Settings().with_(sketch_guidence=1)


def test_a_setting_of_the_host_is_told_as_one() -> None:
    with pytest.raises(ColorizeError, match="^steps: set by the WebUI itself"):
        parse([{"reference": "r", "steps": 5}])


def test_names_and_values_are_cut() -> None:
    assert shortened("n" * 61) == "'" + "n" * 49 + "..." and shortened(5) == "5"
    assert most_like("n" * 9000, ["o", "nn"]) == "nn, o"
