"""Changes of a reference by text: what is asked for, the text tower, tokens moved along its embeddings, heat maps.

From outside: `change.Change`, `prompts.changes_of`, `tower.TextTower`, `manipulation.changed_tokens` and `heat_map`.
"""
