"""`python -m training.build_pairs`: pairs of different drawings in the same colours."""

from training.small.build_pairs import main

if __name__ == "__main__":
    main()
