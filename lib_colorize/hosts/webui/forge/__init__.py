"""Forge 2.0: `adapter.Forge` runs jobs in it, `loading` makes it load colorize checkpoints."""
