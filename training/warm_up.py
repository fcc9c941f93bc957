"""`python -m training.warm_up`: first weights of the small model's two encoders."""

from training.small.warm_up import main

if __name__ == "__main__":
    main()
