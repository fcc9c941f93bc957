"""`python -m training.make_examples`: the example pictures of the demo."""

from training.small.make_examples import main

if __name__ == "__main__":
    main()
