"""Tests against real, running WebUIs; skipped unless environment variables name an install (see host.py)."""
