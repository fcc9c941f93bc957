"""`python -m training.token_noise`: the plot of the reference tokens' noise against t."""

from training.trainer.token_noise import main

if __name__ == "__main__":
    main()
