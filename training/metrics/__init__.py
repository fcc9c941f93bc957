"""Measures of coloured pictures: distances of distributions, likeness to the reference, lines kept, leaks."""
