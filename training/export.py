"""`python -m training.export`: a run as one checkpoint file."""

from training.trainer.export import main

if __name__ == "__main__":
    main()
