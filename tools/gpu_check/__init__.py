"""`python -m tools.gpu_check`: does everything work on this graphics card, how fast, and in how much memory?

`command` is the door, `parts` the list of what is checked, `programme` runs each part in a process of its own
(`one_part`), `report` prints what they found. Nobody imports this package but its tests.
"""
