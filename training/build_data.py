"""`python -m training.build_data`: pictures of the small model."""

from training.small.build_data import main

if __name__ == "__main__":
    main()
