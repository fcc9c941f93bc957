"""What a page shows of us: widgets, words in three languages, presets, the table of models.

From outside: `translations.Texts`, `presets.preset`, `page`, `models_panel`. Usable by any page; `scripts/` only mounts
it in a WebUI. Imports `hosts/` (not the WebUIs in it), `models/` and `method/`.
"""
