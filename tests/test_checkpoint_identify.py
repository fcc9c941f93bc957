"""Every kind of file is told from keys and shapes alone, at full size too, and described for a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pytest

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.files import Entry
from lib_colorize.checkpoint.identify import Told, identify
from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.metadata import ModelCard, Schedule
from lib_colorize.checkpoint.report import describe_checkpoint
from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import Prediction
from tests.golden.reader import Golden
from tests.test_checkpoint_config import FULLSIZE, golden_shapes, head_widths, tiny

KINDS = {"v1": Kind.V1, "switch": Kind.V1_5, "v2": Kind.V2}
Entries = dict[str, Entry]


@lru_cache
def fullsize_shapes(name: str) -> dict[str, list[int]]:
    return json.loads((FULLSIZE / f"{name}_keys.json").read_text())["shapes"]


def released(name: str = "v1", clip: bool = False) -> Entries:
    """The entries of a released file: fp32, VAE in fp16, no reference encoder."""
    shapes = fullsize_shapes(name)
    return {key: Entry(tuple(shape), "F16" if key.startswith("first_stage") else "F32")
            for key, shape in shapes.items() if clip or not key.startswith("cond_stage_model.")}


def without(entries: Entries, *prefixes: str) -> Entries:
    return {key: entry for key, entry in entries.items() if not key.startswith(prefixes)}


def linear(entries: Entries) -> Entries:
    return {key: Entry(e.shape[:2], e.dtype) if ".proj_" in key and "model.diffusion" in key else e
            for key, e in entries.items()}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("change", [dict, lambda e: without(e, "betas", "posterior", "sqrt", "log", "alphas"), linear,
                                    lambda e: {**e, "model_ema.decay": Entry((), "F32")}])
def test_released_files_are_told(name: str, change: Callable[[Entries], Entries]) -> None:
    found = identify(change(released(name)))
    assert (found.kind, found.differing.wrong, found.missing, found.unexpected) == (KINDS[name], (), (), ())
    assert (found.prediction, found.told, found.notes) == (None, Told.UNKNOWN, ())
    assert found.config.unet.linear_projections == (change is linear)


def test_released_v1_has_the_known_numbers_of_parameters_and_bytes() -> None:
    parts = identify(released()).parts
    assert {name: part.params for name, part in parts.items()} == {
        "unet": 865_910_724, "vae": 83_653_863, "sketch_encoder": 63_970_960, "schedule": 12_000}
    assert parts["vae"].bytes == 2 * 83_653_863
    assert parts["vae"].dtypes == ("F16",)
    assert round(sum(part.bytes for part in parts.values()) / 1e9, 2) == 3.89  # as the released file is listed


@pytest.mark.parametrize("name", KINDS)
def test_golden_models_are_told(name: str, golden: Golden) -> None:
    entries = {key: Entry(shape, "F32") for key, shape in golden_shapes(golden, name).items()}
    found = identify(entries, overrides=head_widths(golden))
    assert found.kind is KINDS[name]
    assert not found.differing
    assert "text_encoder" in found.parts


@pytest.mark.parametrize("form", [dict, linear])
def test_plain_stable_diffusion_is_told(form: Callable[[Entries], Entries]) -> None:
    entries = without(released(clip=True), "control_encoder.", "cond_stage_model.visual.")
    found = identify(form(entries))
    assert (found.kind, bool(found.differing)) == (Kind.SD2, False)
    key = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"
    assert identify({**entries, key: Entry((1280, 768), "F32")}).kind is Kind.OTHER_SD
    key = "model.diffusion_model.label_emb.0.0.weight"
    assert identify({**entries, key: Entry((1280, 2816), "F16")}).kind is Kind.OTHER_SD
    key = "model.diffusion_model.input_blocks.0.0.weight"
    assert identify({**entries, key: Entry((320, 9, 3, 3), "F16")}).kind is Kind.OTHER_SD


def test_our_own_file_is_told_by_its_metadata() -> None:
    config = identify(released()).config
    card = ModelCard(config, Prediction.V)
    found = identify(released(), card.to_metadata())
    assert (found.kind, found.prediction, found.told, found.card) == (Kind.OURS, Prediction.V, Told.METADATA, card)
    assert identify(released("v2"), replace(card, variant="v2").to_metadata()).kind is Kind.V2


@pytest.mark.parametrize(("word", "prediction"), [("epsilon", Prediction.EPS), ("v", Prediction.V),
                                                  ("v-prediction", Prediction.V), ("rectified", None)])
def test_modelspec_alone_tells_the_prediction_type(word: str, prediction: Prediction | None) -> None:
    found = identify(released(), {"modelspec.prediction_type": word})
    assert (found.kind, found.prediction) == (Kind.V1, prediction)


def test_what_is_missing_unexpected_or_misshapen_is_listed() -> None:
    lost, bent = "control_encoder.model.8.bias", "first_stage_model.encoder.norm_out.bias"
    entries = {**released(), bent: Entry((511,), "F32"), "model.diffusion_model.surprise": Entry((1,), "F32"),
               "style_thing.weight": Entry((1,), "F32")}
    del entries[lost]
    found = identify(entries)
    assert found.missing == (lost,)
    assert found.unexpected == ("model.diffusion_model.surprise", "style_thing.weight")
    assert found.differing.wrong == ((bent, (511,), (512,)),)
    assert all(name in describe_checkpoint(found) for name in (lost, bent, "style_thing.weight"))


def test_broken_metadata_is_a_note_not_a_crash() -> None:
    card = ModelCard(identify(released()).config)
    good = json.loads(card.to_metadata()["colorize"])
    for broken in ("{", "[]", "{}", json.dumps({**good, "format": 99}), json.dumps({**good, "prediction": "x"}),
                   json.dumps({**good, "sizes": {"unet": None}}), json.dumps({**good, "schedule": []})):
        found = identify(released(), {"colorize": broken})
        assert found.notes, broken
        with pytest.raises(ColorizeError):
            ModelCard.from_metadata({"colorize": broken})


def test_metadata_is_the_inverse_of_the_card(golden: Golden) -> None:
    plain = ModelCard(tiny(golden))
    full = ModelCard(tiny(golden), Prediction.V, "v1", "local", Schedule(0.001, 0.02, 900, True), 128, 0.3,
                     {"stage": "noisy", "steps": [1, 2]}, "Title", "CC BY 4.0", "somebody", "text", "2025-01-02")
    for card in (plain, full):
        metadata = card.to_metadata()
        assert ModelCard.from_metadata(metadata) == card
        assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["modelspec.prediction_type"] == "v"
    assert metadata["modelspec.resolution"] == "128x128"
    assert metadata["modelspec.sai_model_spec"] == "1.0.0"


def test_nonsense_is_unknown() -> None:
    assert identify({"conv1.weight": Entry((64, 3, 7, 7), "F32")}).kind is Kind.UNKNOWN
    assert identify({PARTS["sketch_encoder"] + "model.0.weight": Entry((16, 3, 3, 3), "F32")}).kind is Kind.UNKNOWN
    odd = {PARTS["unet"] + "x": Entry((), "F32"), PARTS["sketch_encoder"] + "y": Entry((0,), "F8_E4M3")}
    assert identify(odd).notes
    assert "unknown" in describe_checkpoint(identify({"x": Entry((), "I64")}))


def test_description_says_what_a_person_needs() -> None:
    text = describe_checkpoint(identify(released()))
    for words in ("v1, as released", "865.91 M parameters", "fp16", "not told by the file", "ViT-H-14"):
        assert words in text
