"""`python -m training.bench`: the training loop beside a straightforward one."""

from training.trainer.bench import main

if __name__ == "__main__":
    main()
