"""The WebUI side: one job of AUTOMATIC1111 or Forge, coloured. Only `a1111*.py` and `forge*.py` import a host."""
