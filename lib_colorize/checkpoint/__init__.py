"""Checkpoint files: tell, read, write, convert."""
