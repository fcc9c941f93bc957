"""The paper's training: what a run is (`recipes`), what a step does (`objective`), the loop, its state and its export.

From outside: `recipes.recipe_of`, `run.train_recipe`, `loop.Trainer`, `export.export_run`.
"""
