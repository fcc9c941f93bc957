"""`python -m training.cache`: what the frozen networks make of all samples, on disk."""

from training.trainer.cache_command import main

if __name__ == "__main__":
    main()
