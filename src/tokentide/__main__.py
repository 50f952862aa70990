"""`python -m tokentide` is the command `tokentide`."""

from tokentide.cli import main

if __name__ == "__main__":
    main()
