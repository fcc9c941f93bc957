"""`python -m training.train_vae`: the small model's auto-encoder."""

from training.small.train_vae import main

if __name__ == "__main__":
    main()
