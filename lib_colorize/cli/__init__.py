"""What is typed: `python -m lib_colorize colorize | inspect | convert | demo | bench`.

From outside: `commands.main` alone. `job` colours one sketch, `folder` many, `png` is what a picture remembers of
how it was made. Imports `engine/` and below.
"""
