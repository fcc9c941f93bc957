"""The one error type that a user sees."""


class ColorizeError(ValueError):
    """A wrong input: one line that says what was found, what was expected and what to do.

    Every border of the package (pictures, settings, checkpoints) raises this type and nothing else for bad
    input, so that a command line can print it and exit with 2, and a host can show it in the page.
    """
