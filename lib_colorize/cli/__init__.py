"""What is typed: `python -m lib_colorize colorize | preview | inspect | convert | demo | bench`.

From outside: `commands.main` alone. A sketch goes `commands` (the door) -> `colorize` (reads both pictures, checks,
loads the networks) -> `file_job` (colours, and saves by `result_file`); `folder` does so for many (`sketch_files`:
which, `result_names`: their names), `again` for a picture whose `record` says how it was made. Imports `engine/` and
below.
"""
