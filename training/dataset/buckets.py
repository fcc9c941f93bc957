"""Aspect buckets: the few sizes that batches come in."""

from __future__ import annotations

import math

from training.dataset.options import DataOptions

Size = tuple[int, int]  # (width, height)


def bucket_sizes(options: DataOptions) -> list[Size]:
    """Widths and heights in px, multiples of bucket_step of at most resolution^2 px, widest last; or the one square."""
    side, step = options.resolution, options.bucket_step
    if not options.buckets:
        return [(side, side)]
    sizes = set()
    for width in range(step, int(side * math.sqrt(options.max_aspect)) + step, step):
        height = side * side // width // step * step
        if height and max(width / height, height / width) <= options.max_aspect:
            sizes |= {(width, height), (height, width)}
    return sorted(sizes, key=lambda size: (size[0] / size[1], size))


def nearest_bucket(size: Size, sizes: list[Size]) -> int:
    """Index of the bucket whose aspect ratio is nearest (in log), the larger one of equals."""
    aspect = math.log(size[0] / size[1])
    return min(range(len(sizes)), key=lambda i: (round(abs(math.log(sizes[i][0] / sizes[i][1]) - aspect), 9),
                                                 -sizes[i][0] * sizes[i][1]))
