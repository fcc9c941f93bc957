"""The model files on a disk: which are published, which are there, and how others get there.

From outside: `catalogue.CATALOGUE` and `Folders`, `scan.scan`, `encoders.choose_reference_encoder`, `status.status`,
`import_file.import_file`, `download.fetch`. `candidates`, `http_transfer`, `part_file`, `meter` and `disk` are theirs.
Imports `checkpoint/` and below.
"""
