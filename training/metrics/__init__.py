"""Measures of coloured pictures: distances of distributions, likeness to the reference, lines kept, leaks.

From outside: `evaluate.main`, and each measure by its own file.
"""
