"""`python -m tools.reading_check`: how well are pictures read, on drawings that are made here or come from Debian.

`command` is the door, `parts` the list of what is measured, one file for each part with `run(packages)`; `packages`
finds or fetches Debian's pictures, which are never shipped. Nobody imports this package but its tests.
"""
