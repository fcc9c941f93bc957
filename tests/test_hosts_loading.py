"""What hosts are told of colorize checkpoints: networks, prediction type, and recovery from a failed load."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ldm.modules.diffusionmodules.openaimodel import UNetModel

from lib_colorize.checkpoint.convert import convert
from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.read import read
from lib_colorize.engine import networks
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import SHIPPED, colorize_file, reference_encoder, sketch_encoder
from lib_colorize.hosts.webui.a1111 import no_text
from lib_colorize.hosts.webui.shared import patching
from lib_colorize.hosts.webui.shared.probing import probe_loaded
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod, interpolated_t
from tests import a1111_fakes, forge_fakes
from tests.core_models import ldm_unet
from tests.standalone_models import write_checkpoint


def state_dict(path):
    with open_tensors(path) as file:
        return {key: file.tensor(key) for key in file.entries}


@pytest.fixture
def a1111(monkeypatch):
    modules = a1111_fakes.install(monkeypatch, None)
    return importlib.import_module("lib_colorize.hosts.webui.a1111.loading"), modules


@pytest.fixture
def forge(monkeypatch):
    modules = forge_fakes.install(monkeypatch, None)

    class Base:
        def __init__(self, unet_config):
            self.unet_config = dict(unet_config)

    modules["huggingface_guess.model_list"].BASE = Base
    return importlib.import_module("lib_colorize.hosts.webui.forge.loading"), modules


# A1111


def test_the_configuration_builds_the_very_unet_of_the_file(a1111, tmp_path, tiny_checkpoint):
    linear = tmp_path / "linear.safetensors"
    convert(tiny_checkpoint, linear, projections="linear")
    for path in (tiny_checkpoint, linear, SHIPPED):
        config = a1111[0].write_config(colorize_file(path))
        text = Path(config).read_text(encoding="utf-8")
        params = json.loads("".join(text.splitlines(keepends=True)[1:]))["model"]["params"]
        unet = UNetModel(**params["unet_config"]["params"])
        prefix = "model.diffusion_model."
        state = {k.removeprefix(prefix): v.float() for k, v in state_dict(path).items() if k.startswith(prefix)}
        unet.load_state_dict(state, strict=True)
        assert params["parameterization"] == "v" and params["scale_factor"] == 0.18215
        module, _, name = params["cond_stage_config"]["target"].rpartition(".")
        encoder = getattr(importlib.import_module(module), name)(**params["cond_stage_config"]["params"])
        assert encoder(["a", "b"]).shape == (2, 77, params["unet_config"]["params"]["context_dim"])


def test_equal_networks_share_one_configuration_so_that_the_host_reuses_its_model(a1111, tmp_path, tiny_checkpoint):
    other = write_checkpoint(tmp_path / "other.safetensors")
    eps = write_checkpoint(tmp_path / "eps.safetensors", prediction=Prediction.EPS)
    paths = [a1111[0].write_config(colorize_file(path)) for path in (tiny_checkpoint, other, eps)]
    assert paths[0] == paths[1] != paths[2]


def test_only_colorize_files_are_told_about(a1111, tiny_checkpoint):
    loading, modules = a1111
    undo = loading.Loading().install()
    find = modules["sd_models_config"].find_checkpoint_config
    state = state_dict(tiny_checkpoint)
    info = SimpleNamespace(filename=str(tiny_checkpoint))
    assert find(state, info).endswith(".yaml") and find(state, info) == find(state, info)
    plain = {key: value for key, value in state.items() if not key.startswith("control_encoder.")}
    assert find(plain, info) == "the host's guess" and find(state, None) == "the host's guess"
    for step in reversed(undo):
        step()
    assert modules["sd_models_config"].find_checkpoint_config(state, info) == "the host's guess"


def test_a_colorize_file_that_cannot_run_is_refused_with_the_reason(a1111, tmp_path, tiny_checkpoint):
    from safetensors.torch import save_file

    loading, modules = a1111
    loading.Loading().install()
    state = state_dict(tiny_checkpoint)
    state.pop("control_encoder.zero_layer.0.weight")
    broken = tmp_path / "broken.safetensors"
    save_file(state, broken)
    with pytest.raises(ColorizeError, match=r"broken\.safetensors"):
        modules["sd_models_config"].find_checkpoint_config(state, SimpleNamespace(filename=str(broken)))


def test_the_shipped_checkpoint_is_listed_after_every_refresh(a1111):
    loading, modules = a1111
    listed = []
    modules["sd_models"].CheckpointInfo = lambda path: SimpleNamespace(register=lambda: listed.append(path))
    modules["sd_models"].list_models = listed.clear
    undo = loading.Loading().install()
    for _ in range(2):
        modules["sd_models"].list_models()
        assert listed == [str(SHIPPED)]
    for step in undo:
        step()
    modules["sd_models"].list_models()
    assert listed == []


class Model(torch.nn.Linear):
    lowvram = False


def test_after_a_failed_load_the_previous_model_is_whole_again(a1111):
    loading, modules = a1111
    data, model, done = modules["sd_models"].model_data, Model(2, 2), []
    modules["sd_hijack"].model_hijack = SimpleNamespace(
        hijack=lambda m: done.append("hijack"), undo_hijack=lambda m: done.append("undo"))
    data.sd_model, data.loaded_sd_models = model, []

    def fail():
        raise OSError("half a file")

    modules["sd_models"].reload_model_weights = fail
    modules["shared"].opts.sd_model_checkpoint = "broken.safetensors"
    known = loading.Loading()
    known.install()
    with pytest.raises(OSError, match="half a file"):
        modules["sd_models"].reload_model_weights()
    assert done == ["undo", "hijack"] and data.loaded_sd_models == [model]
    data.sd_model = None  # the host had already dropped it: it will load anew by itself
    with pytest.raises(OSError):
        modules["sd_models"].reload_model_weights()
    assert done == ["undo", "hijack"]


def test_a_choice_that_did_not_load_is_remembered_until_one_that_does_is_made(a1111):
    loading, modules = a1111
    opts, fails = modules["shared"].opts, ["broken"]
    opts.sd_model_checkpoint, opts.data = "broken.safetensors", {"sd_model_checkpoint": "good"}

    def reload():
        if opts.data["sd_model_checkpoint"] in fails:
            raise OSError("half\na file")

    modules["sd_models"].reload_model_weights = reload
    known = loading.Loading()
    undo = known.install()
    told = "broken.safetensors could not be loaded: half a file"
    opts.set("sd_model_checkpoint", "broken")
    assert known.failure == told and opts.data["sd_model_checkpoint"] == "good"
    modules["sd_models"].reload_model_weights()  # before each run, of what was there before
    opts.set("other", 1, run_callbacks=False)
    assert known.failure == told
    opts.set("sd_model_checkpoint", "good")  # chosen again: the host does nothing at all
    assert known.failure == ""
    opts.set("sd_model_checkpoint", "broken")
    opts.set("sd_model_checkpoint", "another", run_callbacks=False)  # by a run that overrides it
    assert known.failure == ""
    opts.set("sd_model_checkpoint", "broken", run_callbacks=False)
    with pytest.raises(OSError):
        modules["sd_models"].reload_model_weights()  # that run says so itself
    assert known.failure == ""
    for step in reversed(undo):
        step()
    opts.set("sd_model_checkpoint", "good", run_callbacks=False)
    opts.set("sd_model_checkpoint", "broken")
    assert known.failure == ""


def test_the_loaded_model_knows_its_prediction_type(a1111, tmp_path, tiny_checkpoint):
    loading, modules = a1111
    silent = write_checkpoint(tmp_path / "mult-eps-renamed.safetensors", prediction=None)
    for chosen, path, told in (("auto", tiny_checkpoint, "v"), ("eps", tiny_checkpoint, "v"), ("eps", silent, "eps"),
                               ("v", silent, "v")):
        modules["shared"].opts.data["colorize_prediction"] = chosen
        model = SimpleNamespace(sd_checkpoint_info=SimpleNamespace(filename=str(path)), parameterization="?")
        loading.on_model_loaded(model)
        assert (model.colorize_prediction, model.parameterization) == (told, told)
    model = SimpleNamespace(sd_checkpoint_info=SimpleNamespace(filename=str(tmp_path / "no such file")))
    loading.on_model_loaded(model)
    assert model.colorize_file is None and model.colorize_prediction == ""


def test_a_callback_that_failed_is_made_up_for_at_the_next_job(a1111, tmp_path, tiny_checkpoint, monkeypatch):
    """Also when the host has put other weights into the same object since."""
    loading, modules = a1111
    eps = write_checkpoint(tmp_path / "eps.safetensors", prediction=Prediction.EPS)
    model = SimpleNamespace(sd_checkpoint_info=SimpleNamespace(filename=str(tiny_checkpoint)), parameterization="?")
    modules["sd_models"].model_data.sd_model = model
    assert loading.noted().colorize_prediction == "v"
    model.sd_checkpoint_info = SimpleNamespace(filename=str(eps))
    with monkeypatch.context() as patch:
        patch.setattr(loading.program, "told_prediction", lambda file: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            loading.on_model_loaded(model)
    assert loading.noted().colorize_prediction == "eps" and model.colorize_file.path == eps
    monkeypatch.setattr(loading, "on_model_loaded", None)
    assert loading.noted() is model  # and only once


def test_the_name_of_a_file_never_tells_and_a_random_network_is_not_guessed(a1111, tmp_path):
    loading, modules = a1111
    modules["shared"].opts.data["colorize_prediction"] = "auto"
    silent = write_checkpoint(tmp_path / "mult-eps-ft.safetensors", prediction=None)
    file = colorize_file(silent)
    unet = networks.load_network(lambda: ldm_unet(file.config.unet), read(silent, ("unet",)).unet, "U-Net")
    model = SimpleNamespace(
        sd_checkpoint_info=SimpleNamespace(filename=str(silent)), model=a1111_fakes.Wrapper(unet),
        parameterization="eps",
        apply_model=lambda x, t, cond: unet(x, t, context=cond["c_crossattn"][0]))
    loading.on_model_loaded(model)
    assert model.colorize_prediction == ""


def test_a_trained_network_is_told_by_one_pass(tmp_path):
    file = colorize_file(SHIPPED)
    unet = networks.load_network(lambda: ldm_unet(file.config.unet), read(SHIPPED, ("unet",)).unet, "U-Net")
    context = torch.zeros(2, 1, file.config.unet.context_dim)
    found = probe_loaded(file, unet, lambda x, t: unet(x, t, context=context), torch.device("cpu"))
    assert found is Prediction.V
    assert not any(module._forward_hooks or "forward" in vars(module) for module in unet.modules())


# Forge


def test_forge_is_told_by_a_kind_of_its_own_and_only_of_colorize_files(forge, tiny_checkpoint):
    loading, modules = forge
    known = modules["huggingface_guess.model_list"].models
    known.append(type("SD20", (), {}))
    undo = loading.install_loading()
    loading.install_loading()  # the scripts are loaded again
    assert [kind.__name__ for kind in known] == ["ColorizeGuess", "SD20"]
    assert known[0].matches({}, state_dict(tiny_checkpoint)) and not known[0].matches({}, {"input_blocks": 0})
    for step in undo:
        step()


def test_forge_gets_head_widths_and_folder_from_the_file(forge, tiny_checkpoint):
    loading, modules = forge
    modules["modules.sd_models"].model_data.forge_loading_parameters = {
        "checkpoint_info": SimpleNamespace(filename=str(tiny_checkpoint))}
    guess = loading.ColorizeGuess({"in_channels": 4})
    file = colorize_file(tiny_checkpoint)
    assert guess.unet_config["num_head_channels"] == file.config.unet.num_head_channels
    assert guess.clip_target() == {} and guess.process_clip_state_dict({"a": 1}) == {}
    folder = guess.huggingface_repo
    vae = json.loads(Path(folder, "vae/config.json").read_text(encoding="utf-8"))
    assert vae["block_out_channels"] == [file.config.vae.ch * m for m in file.config.vae.ch_mult]
    assert len(vae["down_block_types"]) == len(file.config.vae.ch_mult)


def test_forges_steps_are_interpolated_as_elsewhere(forge):
    schedule = NoiseSchedule(alphas_cumprod())
    predictor = forge[0].ColorizePrediction()
    predictor.log_sigmas = schedule.sigmas.log()
    sigma = torch.tensor([0.5, 3.21, 14.6])
    torch.testing.assert_close(predictor.timestep(sigma), schedule.t_of_sigma(sigma), rtol=0, atol=1e-3)
    assert not torch.equal(predictor.timestep(sigma), predictor.timestep(sigma).round())
    ends = torch.tensor([[0.0, 0.01], [20.0, float("inf")]])
    assert torch.equal(predictor.timestep(ends), torch.tensor([[0.0, 0.0], [999.0, 999.0]]))
    predictor.log_sigmas = torch.cat([predictor.log_sigmas[:-1], torch.tensor([float("inf")])])  # zero SNR at the end
    sigma = torch.tensor([0.5, 14.0, 100.0, float("inf")])
    expected = interpolated_t(sigma, predictor.log_sigmas)
    torch.testing.assert_close(predictor.timestep(sigma), expected, rtol=0, atol=1e-3)


def test_forge_is_refused_a_broken_file_with_the_reason_and_can_load_the_previous_one(forge, tmp_path, tiny_checkpoint):
    from safetensors.torch import save_file

    loading, modules = forge
    state = state_dict(tiny_checkpoint)
    state.pop("control_encoder.zero_layer.0.weight")
    save_file(state, tmp_path / "broken.safetensors")
    data = modules["modules.sd_models"].model_data
    data.forge_loading_parameters = {"checkpoint_info": SimpleNamespace(filename=str(tmp_path / "broken.safetensors"))}
    data.forge_hash, data.sd_model = "of the previous checkpoint", None
    guess = loading.ColorizeGuess({"in_channels": 4})
    with pytest.raises(ColorizeError, match="broken"):
        _ = guess.huggingface_repo
    assert data.forge_hash == ""


def test_what_fails_while_forge_asks_is_told_when_it_builds(forge, monkeypatch):
    """In between Forge replaces every error by "Failed to recognize model type!"."""
    loading, modules = forge
    data = modules["modules.sd_models"].model_data
    data.forge_hash, data.sd_model = "of the previous checkpoint", None

    def fail():
        raise PermissionError("the header cannot be read")

    monkeypatch.setattr(loading, "_loading_file", fail)
    guess = loading.ColorizeGuess({"in_channels": 4})
    with pytest.raises(PermissionError, match="header"):
        _ = guess.huggingface_repo
    assert data.forge_hash == ""


def test_a_checkpoint_of_a_coloured_run_that_forge_cannot_load_is_one_sentence(forge):
    loading, modules = forge
    models, caller = modules["modules.sd_models"], modules["modules.processing"]

    def fail():
        raise ValueError("Failed to recognize\nmodel type!")

    caller.forge_model_reload = fail
    models.model_data.forge_loading_parameters = {"checkpoint_info": SimpleNamespace(title="half.safetensors")}
    undo = loading.install_loading()
    loading.next_load.coloured = True
    with pytest.raises(ColorizeError, match=r"^half.safetensors could not be loaded: Failed to recognize model type!; "
                                            "choose a checkpoint") as caught:
        caller.forge_model_reload()
    assert vars(caught.value)["status_code"] == 422 and vars(caught.value)["detail"] == str(caught.value)
    with pytest.raises(ValueError, match="Failed to recognize"):
        caller.forge_model_reload()  # a plain run: as ever
    for step in reversed(undo):
        step()
    assert caller.forge_model_reload is fail


# The parts that no host loads


def test_encoders_come_out_of_the_checkpoint_in_float32(tiny_checkpoint):
    file = colorize_file(tiny_checkpoint)
    for encoder in (sketch_encoder(file), reference_encoder(tiny_checkpoint, file.config.unet.context_dim)):
        assert {p.dtype for p in encoder.parameters()} == {torch.float32}
        assert not any(p.requires_grad or p.is_meta for p in encoder.parameters())
    with pytest.raises(ColorizeError, match="tokens of"):
        reference_encoder(tiny_checkpoint, 1024)


def test_a_file_that_is_replaced_is_looked_at_again(tmp_path):
    path = write_checkpoint(tmp_path / "a.safetensors")
    assert colorize_file(path).card.prediction is Prediction.V
    write_checkpoint(tmp_path / "b.safetensors", prediction=Prediction.EPS).replace(path)
    assert colorize_file(path).card.prediction is Prediction.EPS
    path.write_bytes(b"no checkpoint")
    assert colorize_file(path) is None and colorize_file(tmp_path / "none") is None


def test_a_file_without_a_vae_says_so(tmp_path, tiny_checkpoint):
    from safetensors.torch import save_file

    state = {key: value for key, value in state_dict(tiny_checkpoint).items() if not key.startswith("first_stage")}
    with open_tensors(tiny_checkpoint) as file:
        metadata = json.loads(file.metadata["colorize"])
    metadata["sizes"]["vae"] = None
    save_file(state, tmp_path / "no-vae.safetensors", {"colorize": json.dumps(metadata)})
    found = colorize_file(tmp_path / "no-vae.safetensors")
    with pytest.raises(ColorizeError, match="no VAE"):
        found.usable()


def test_no_prompt_ever_has_an_effect():
    encoder = no_text.NoTextEncoder(24)
    assert not encoder(["anything"]).any() and encoder.encode(["a"] * 3).shape == (3, 77, 24)
    assert not list(encoder.parameters()) and not encoder.state_dict()
    assert encoder.half()(["a"]).dtype == torch.float16
    assert encoder.get_target_prompt_token_count(encoder.get_token_count("a, b")) == 75


def test_undoing_leaves_alone_what_others_put_over_ours():
    owner = SimpleNamespace(load=lambda: "host")
    undo = patching.replace_function(owner, "load", lambda original: lambda: "ours over " + original())
    assert owner.load() == "ours over host"
    again = patching.replace_function(owner, "load", lambda original: lambda: "new over " + original())
    assert owner.load() == "new over host"  # not over the old one of ours
    undo()
    assert owner.load() == "new over host"
    ours = owner.load
    owner.load = lambda: "theirs over " + ours()
    again()
    assert owner.load() == "theirs over new over host"


def test_zero_terminal_snr_reaches_the_hosts_schedule(a1111, tmp_path, tiny_checkpoint):
    from lib_colorize.checkpoint.metadata import Schedule
    from lib_colorize.checkpoint.write import write

    parts = read(tiny_checkpoint)
    card = replace(parts.card, schedule=Schedule(zero_snr=True))
    path = tmp_path / "zero.safetensors"
    write(path, {name: getattr(parts, name) for name in ("unet", "vae", "sketch_encoder", "reference_encoder")}, card)
    model = SimpleNamespace(sd_checkpoint_info=SimpleNamespace(filename=str(path)), parameterization="v")
    a1111[0].on_model_loaded(model)
    assert 0 < float(model.alphas_cumprod[-1]) < 1e-6 and model.alphas_cumprod is model.alphas_cumprod_original
