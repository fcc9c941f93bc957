"""The trainer. A file at this level is a command, `python -m training.NAME`, and holds nothing else.

Floors, each importing those before it:

    dataset/   pictures on a disk -> batches: build, read, augment, cache
    trainer/   the paper's training: recipes, objective, loop, state, export
    metrics/   measures of coloured pictures, and evaluate
    small/     the small model that is shipped: its drawings, pairs, auto-encoder and first weights
    evidence/  the paper's claims at small scale, measured

All may import the method, the checkpoints and the engine; none imports a host or a page.
"""
