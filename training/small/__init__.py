"""The small model that is shipped: its drawings (OpenMoji, avatars), pairs of them, its auto-encoder and first weights.

From outside: the commands, `drawings.Drawing` and what `figures` paints, which the benchmark of `evidence/` takes too.
"""
