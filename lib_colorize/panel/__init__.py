"""What a page shows of us: widgets, words in three languages, presets, the table of models.

From outside: `place` (what a program tells the panel, and answers it), `widgets.Panel`, which builds it there under
gradio 3 or 4, and for programs' own pages `texts`, `presets` and `phrases`. `scripts/` mounts it in a WebUI; any
`gradio.Blocks` can (tests/test_webui_script.py has the few lines). Imports `hosts/` (not the WebUIs in it), `models/`
and `method/`; of a WebUI nothing. gradio is imported by the files with widgets alone: `elements`, `pictures`,
`setting_widgets`, `models_section`, `widgets`.
"""
