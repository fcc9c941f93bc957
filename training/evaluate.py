"""`python -m training.evaluate`: a checkpoint, measured on pairs of sketch and picture."""

from training.metrics.evaluate import main

if __name__ == "__main__":
    main()
