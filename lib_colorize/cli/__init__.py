"""What is typed: `python -m lib_colorize colorize | preview | inspect | convert | demo | bench`.

From outside: `commands.main` alone. A sketch goes `commands` (the door) -> `colorize` (reads both pictures, checks,
loads the networks) -> `file_job` (colours and saves); `folder` does so for many, `again` for a picture that says in
`png` how it was made. Imports `engine/` and below.
"""
