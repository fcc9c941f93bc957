"""`python -m tools.finishing_check`: what a finished picture is worth, in numbers.

`command` is the door, `parts` the list of what is measured, one file for each part with `run(sources)`; `pairs` draws
sketches and lets the shipped model paint them. Nobody imports this package but its tests and `finishing_pictures`.
"""
