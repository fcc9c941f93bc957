"""The X/Y/Z plot has an axis for every setting, and its value reaches the request."""

from __future__ import annotations

import enum
from types import SimpleNamespace

import pytest

from lib_colorize.hosts.request import parse
from lib_colorize.hosts.settings import job_fields
from lib_colorize.hosts.webui import axes

MODULE = SimpleNamespace(AxisOption=lambda label, kind, apply, choices=None: SimpleNamespace(
    label=label, kind=kind, apply=apply, choices=choices))
OTHER = {"extractor": "paper", "block_strengths": " ".join(["0.5"] * 16), "backdrop_colour": "#112233",
         "text_target": "blue hair", "text_anchor": "red hair", "text_control": "hair",
         "text_changes": "[target] a red dress", "guidance_end": "0.25"}


def test_no_two_axes_share_a_name():
    labels = [axes._axis(MODULE, item).label for item in job_fields()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("item", job_fields(), ids=lambda item: item.name)
def test_a_typed_value_reaches_the_request(item):
    axis = axes._axis(MODULE, item)
    if isinstance(item.default, (enum.Enum, bool)):
        typed = next(choice for choice in axis.choices()
                     if choice != getattr(item.default, "value", str(item.default).lower()))
    else:
        typed = OTHER.get(item.name) or str(0.25 if item.default != 0.25 else 0.5)
        if isinstance(item.default, float) and not item.metadata["low"] <= float(typed) <= item.metadata["high"]:
            typed = str(item.metadata["high"])
    p = SimpleNamespace()
    axis.apply(p, axis.kind(typed), [typed])
    changed = parse([{"reference": "r"}]).with_settings(getattr(p, axes.CHOSEN)).settings
    assert getattr(changed, item.name) != item.default
    assert [other.name for other in job_fields() if getattr(changed, other.name) != other.default] == [item.name]
