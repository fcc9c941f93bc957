"""AUTOMATIC1111 1.10: `adapter.A1111` runs jobs in it, `loading` makes it load colorize checkpoints."""
