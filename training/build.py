"""`python -m training.build`: raw pictures to training shards."""

from training.dataset.build import main

if __name__ == "__main__":
    main()
