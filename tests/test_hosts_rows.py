"""How rows are told apart where other extensions come between, in both hosts; and rows picked by slices."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.webui.a1111.marks import first_row
from lib_colorize.hosts.webui.a1111.rows import Rows, on_batch
from lib_colorize.method.conditioning import Branch
from lib_colorize.method.rows import slices_of, take_rows
from tests import a1111_fakes, forge_fakes
from tests.dispatched import Dispatched
from tests.test_hosts_a1111 import CASES, TIME, noise, run, world  # noqa: F401 - a fixture
from tests.test_hosts_forge import prepared
from tests.test_hosts_forge import world as forge  # noqa: F401 - a fixture

BOTH = CASES["both"]


@pytest.mark.parametrize("rows, parts", [
    ([0, 1, 2], 1), ([1], 1), ([0, 2, 4], 1), ([0, 1, 0, 1], 2), ([0, 0, 0], 3), ([3, 1], 2), ([0, 1, 2, 0, 2], 2)])
def test_rows_are_picked_by_slices(rows, parts):
    x = torch.randn(5, 3)
    assert torch.equal(take_rows(x, rows), x[rows])
    assert len(slices_of(rows)) == parts
    assert (take_rows(x, rows).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()) == (parts == 1)


def test_a_part_is_known_by_its_place_in_memory():
    whole = torch.zeros(6, 5, 1, 1)
    assert [first_row(whole[i:i + 2], whole) for i in (0, 3)] == [0, 3] and first_row(whole, whole) == 0
    for other in (whole.clone(), whole[::2], whole.half(), whole[:, :3], whole[:, 1:], whole.expand(6, 5, 2, 2)):
        assert first_row(other, whole) is None


# AUTOMATIC1111


def test_rows_are_told_without_a_wait_in_the_networks_own_dtype():
    """The host casts what enters the network, and a cast copy could not be recognised."""
    with FakeTensorMode(), Dispatched() as seen:
        tokens = torch.randn(7, 32, dtype=torch.float16, device="cuda")
        rows, network = Rows([Branch.FULL], Branch.NO_REFERENCE, tokens, torch.float16), nn.Identity()
        network.forward = lambda **conditions: None
        with rows.told(denoiser := nn.Module(), network):
            for _ in range(3):
                x = torch.zeros(2, 4, 8, 8, device="cuda")
                built = SimpleNamespace(x=x, image_cond=x.new_zeros(2, 5, 1, 1), text_uncond=[None], denoiser=denoiser)
                on_batch(built)
                for part in (slice(0, 1), slice(1, 2)):  # the host may show a row at a time
                    network(c_concat=[built.image_cond.half()[part]])
                    context = torch.stack([rows.context([Branch.FULL, Branch.NO_REFERENCE][part.start])])
                    assert rows.shown(context) == ([(Branch.FULL, 0), (Branch.NO_REFERENCE, 0)][part.start],)
    assert seen.waits.count("aten::_local_scalar_dense") == 2  # after the first call, and at the end


def test_image_conditions_that_somebody_has_copied_are_read(world, pictures):  # noqa: F811
    _, usual, _ = run(world, pictures, BOTH, 2, sketches=(0, 2))
    a1111_fakes.batch_callbacks.append(lambda built: vars(built).update(image_cond=built.image_cond.clone()))
    _, out, _ = run(world, pictures, BOTH, 2, sketches=(0, 2))
    assert torch.equal(out, usual)


def test_rows_that_somebody_has_put_into_another_order_keep_their_pictures(world, pictures):  # noqa: F811
    _, usual, _ = run(world, pictures, BOTH, 2, sketches=(0, 2))
    original = world.model.model.forward

    def turned(module, args, kwargs):
        (x, t), flip = args, lambda value: value.flip(0)
        return (flip(x), t), {name: [flip(part) for part in parts] for name, parts in kwargs.items()}

    handles = [world.model.model.register_forward_pre_hook(turned, with_kwargs=True),
               world.model.model.register_forward_hook(lambda module, args, out: out.flip(0))]
    _, out, _ = run(world, pictures, BOTH, 2, sketches=(0, 2))
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(out, usual, atol=2e-5, rtol=1e-4)
    assert world.model.model.forward == original


def test_image_conditions_that_somebody_has_written_into_stop_the_run(world, pictures):  # noqa: F811
    """Our numbers are the same tensor at every step."""
    a1111_fakes.batch_callbacks.append(lambda built: built.image_cond.zero_())
    with pytest.raises(ColorizeError, match="did not make"):
        run(world, pictures, {})


def test_conditions_that_are_replaced_in_a_later_step_are_told_when_the_run_ends(world, pictures, monkeypatch):  # noqa: F811
    steps = []

    def theirs(built):
        steps.append(1)
        if len(steps) == 2:
            built.text_cond = built.text_cond + 1

    def three(self, p, x, cond, uncond):
        with torch.no_grad():
            for _ in range(3):
                x = self.model_wrap_cfg(x, self.t, cond, uncond, p.cfg_scale, x.new_zeros(len(x), 5, 1, 1))
        return x

    monkeypatch.setattr(a1111_fakes.Sampler, "_run", three)
    run(world, pictures, {})
    a1111_fakes.batch_callbacks.append(theirs)
    with pytest.raises(ColorizeError, match="not ours"):
        run(world, pictures, {})
    assert len(steps) == 3


# Forge


def hooks(unet):
    return sum(len(module._forward_hooks) + ("forward" in vars(module)) for module in unet.modules())


def in_a_run(forge, pictures, action):  # noqa: F811
    """action(a step of a sampler's run), in the middle of one; the result of a step after it, and of one before."""
    found = []

    def sample(p, x, cond, uncond):
        def step():
            with torch.inference_mode():
                return forge_fakes.step(patcher, noise(1), torch.full((1,), TIME + 1), torch.randn(1, 77, 32), 7.0, 3)

        found.extend([step(), action(step), step()])
        return x

    _, p = prepared(forge, pictures, BOTH)
    patcher, p.sampler._run = p.sd_model.forge_objects.unet, sample
    p.sampler.sample_img2img(p, noise(1), noise(1), None, None)
    assert hooks(forge.unet) == 0 and torch.equal(found[0], found[2])
    return found[1]


def test_what_is_attached_stays_from_step_to_step_and_goes_with_the_run(forge, pictures):  # noqa: F811
    assert in_a_run(forge, pictures, lambda step: hooks(forge.unet)) > 0


@pytest.mark.parametrize("past_the_wrapper", [True, False])
def test_a_call_of_somebody_else_within_a_run_shows_nothing_of_us(forge, pictures, past_the_wrapper):  # noqa: F811
    x, context = noise(2), torch.randn(2, 7, forge.file.config.unet.context_dim)

    def theirs(step):
        with torch.inference_mode():
            if past_the_wrapper:
                return forge.unet(x, torch.full((2,), TIME), context=context)
            wrapper = forge.model.forge_objects.unet.model_options["model_function_wrapper"]
            return wrapper(forge.patcher.model.apply_model, {
                "input": x, "timestep": torch.full((2,), TIME + 1), "c": {"c_crossattn": context}})

    within = in_a_run(forge, pictures, theirs)
    with torch.inference_mode():
        assert torch.equal(within, forge.unet(x, torch.full((2,), TIME), context=context))


def test_a_wrapper_that_calls_the_unet_several_times_is_shown_the_same_each_time(forge, pictures):  # noqa: F811
    usual = in_a_run(forge, pictures, lambda step: step())
    forge.model.forge_objects.unet = forge.patcher

    def twice(apply_model, args):
        once = apply_model(args["input"], args["timestep"], **args["c"])
        again = apply_model(args["input"], args["timestep"], **args["c"])
        assert torch.equal(once, again)
        return again

    forge.patcher.set_model_unet_function_wrapper(twice)
    assert torch.equal(in_a_run(forge, pictures, lambda step: step()), usual)
