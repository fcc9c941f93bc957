"""An area that holds strokes of several colours, divided among them: each stroke takes what is nearest to it.

Near is measured along the paper (a geodesic distance, as in Bai and Sapiro, "Geodesic Matting", IJCV 2009): what is
narrow is far, so that strokes part at a hole that was too wide to count as closed, and an edge of the colours is
farther still, so that they part where the picture shows two things.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage, sparse
from scipy.sparse import csgraph

GRID = 256  # cells along the longer side of an area
NARROW = 0.03  # of an area's longer side: a passage of that half width counts twice its length
EDGE = 60.0  # cells that an edge from black to white is as long as

WIDER = (0.06, 0.045, 0.03, 0.02)  # of the longer side: half widths of holes that still show where a room ends

Seeds = Sequence[np.ndarray]  # of each stroke, [n, 2] int: its pixels in the box, y and x


def shared_out(own: np.ndarray, paper: np.ndarray, colours: np.ndarray, seeds: Seeds) -> np.ndarray:
    """[h, w] int32: which of the seeds each pixel of `own` belongs to, -1 outside of it.

    own, paper: [h, w] bool, the area and where there is no line; colours: [h, w, 3] uint8.
    """
    step = max(1, -(-max(own.shape) // GRID))
    inside = own[::step, ::step]
    shape = (inside.shape[1], inside.shape[0])
    small = np.asarray(Image.fromarray(colours).resize(shape, Image.Resampling.BOX), np.float32) / 255
    away = ndimage.distance_transform_edt(np.pad(own & paper, 1))[1:-1, 1:-1][::step, ::step] / step
    narrow = 1 + (NARROW * max(inside.shape) / np.maximum(away, 0.5)) ** 2
    nodes = np.arange(inside.size).reshape(inside.shape)
    starts, owners = [], []
    for number, places in enumerate(seeds):
        found = np.unique(nodes[places[:, 0] // step, places[:, 1] // step])
        starts.append(found)
        owners.append(np.full(len(found), number))
    start, owner = np.concatenate(starts), np.concatenate(owners)
    graph = _graph(inside, narrow, small, nodes)
    _, _, nearest = csgraph.dijkstra(graph, directed=False, indices=start, min_only=True, return_predecessors=True)
    table = np.full(inside.size, -1, np.int32)
    table[start] = owner
    taken = np.where(nearest >= 0, table[np.maximum(nearest, 0)], -1).reshape(inside.shape)
    at = ndimage.distance_transform_edt(taken < 0, return_distances=False, return_indices=True)
    whole = taken[at[0], at[1]].repeat(step, 0).repeat(step, 1)[:own.shape[0], :own.shape[1]]
    return np.where(own, whole, -1).astype(np.int32)


def in_a_room(own: np.ndarray, paper: np.ndarray, places: np.ndarray) -> bool:
    """Whether a stroke lies in a room of a page's area, behind a hole that was too wide to be closed for all.

    own, paper: as of `shared_out`, of the whole picture; places: the stroke's pixels. A ball of some size of WIDER that
    lies on the stroke cannot leave the picture then.
    """
    step = max(1, -(-max(own.shape) // (2 * GRID)))
    small = (own & paper)[::step, ::step]
    away = ndimage.distance_transform_edt(small)
    at = (np.minimum(places[:, 0] // step, small.shape[0] - 1), np.minimum(places[:, 1] // step, small.shape[1] - 1))
    for part in WIDER:
        rooms, _ = ndimage.label(away > part * max(small.shape))
        mine = np.setdiff1d(rooms[at], 0)
        if len(mine):
            return not np.isin(border(rooms), mine).any()
    return False


def border(picture: np.ndarray) -> np.ndarray:
    """[2 h + 2 w]: what lies along the picture's sides."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _graph(inside: np.ndarray, narrow: np.ndarray, colours: np.ndarray, nodes: np.ndarray) -> sparse.csr_matrix:
    """Neighbouring cells of the area, how far they are from each other."""
    rows, columns, lengths = [], [], []
    for one, other, length in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1)), 1.0),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None)), 1.0),
        ((slice(1, None), slice(1, None)), (slice(None, -1), slice(None, -1)), 2 ** 0.5),
        ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None)), 2 ** 0.5),
    ):
        joined = inside[one] & inside[other]
        rows.append(nodes[one][joined])
        columns.append(nodes[other][joined])
        edge = np.abs(colours[one] - colours[other]).max(-1)[joined]
        lengths.append(length * (narrow[one] + narrow[other])[joined] / 2 + EDGE * edge)
    size = inside.size
    return sparse.coo_matrix((np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))),
                             (size, size)).tocsr()
