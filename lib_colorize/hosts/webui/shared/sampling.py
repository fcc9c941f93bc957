"""One run of a host's sampler with something around it, and from pure noise where that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

METHODS = ("sample", "sample_img2img")


def wrap_sampler(sampler: Any, around: Callable[[], AbstractContextManager[Any]], from_noise: bool) -> None:
    """The sampler's next run happens inside `around()`; afterwards, whatever happened, its methods are as before.

    from_noise: `sample_img2img` starts from noise and takes all steps, as `sample` does, at any denoising strength.
    """
    unwrap_sampler(sampler)
    originals = {name: getattr(sampler, name) for name in METHODS}
    own = {name: vars(sampler)[name] for name in METHODS if name in vars(sampler)}

    def run(name: str, *args: Any, **kwargs: Any) -> Any:
        _restore(sampler, own)
        with around():
            return originals[name](*args, **kwargs)

    def sample(*args: Any, **kwargs: Any) -> Any:
        return run("sample", *args, **kwargs)

    def sample_img2img(
        p: Any, x: Any, noise: Any, conditioning: Any, unconditional_conditioning: Any, steps: int | None = None,
        image_conditioning: Any = None,
    ) -> Any:
        if not from_noise:
            return run("sample_img2img", p, x, noise, conditioning, unconditional_conditioning, steps=steps,
                       image_conditioning=image_conditioning)
        sampler.model_wrap_cfg.init_latent = x  # `sample` leaves it unset, and masks are blended with it
        return run("sample", p, noise, conditioning, unconditional_conditioning, steps=steps,
                   image_conditioning=image_conditioning)

    methods: dict[str, Any] = {"sample": sample, "sample_img2img": sample_img2img}
    for name, method in methods.items():
        method.colorize_own = own
        setattr(sampler, name, method)


def stop_sampler(sampler: Any, error: Exception) -> None:
    """Both ways to sample raise the error."""
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    unwrap_sampler(sampler)
    fail.colorize_own = {}  # type: ignore[attr-defined]
    for name in METHODS:
        setattr(sampler, name, fail)


def unwrap_sampler(sampler: Any) -> None:
    """Take back what an earlier `wrap_sampler` or `stop_sampler` set and no run has used up."""
    own = getattr(vars(sampler).get("sample"), "colorize_own", None)
    if own is not None:
        _restore(sampler, own)


def _restore(sampler: Any, own: dict[str, Any]) -> None:
    for name in METHODS:
        if name in own:
            setattr(sampler, name, own[name])
        else:
            vars(sampler).pop(name, None)
