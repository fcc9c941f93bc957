"""`python -m training.build`: raw pictures to training shards."""

from training.dataset.build_command import main

if __name__ == "__main__":
    main()
