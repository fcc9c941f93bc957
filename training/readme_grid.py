"""`python -m training.readme_grid`: the grid at the top of the README."""

from training.evidence.readme_grid import main

if __name__ == "__main__":
    main()
