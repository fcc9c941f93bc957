"""The WebUIs: what AUTOMATIC1111 and Forge have in common, and below it an adapter for each.

From outside: `hooks`, the functions that the WebUI's script hands its own calls to. Only `a1111/` and `forge/`, and the
files here that say so in their first line, import the WebUI's own modules, and those inside functions where they can.
"""
