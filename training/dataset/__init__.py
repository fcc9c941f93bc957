"""Training data: from raw pictures to shards, from shards to batches, and what frozen networks make of them.

From outside: `pairs.open_pairs`, `batch.Batch`, `options.DataOptions`, `build.build`, `cache.build_cache`.
"""
