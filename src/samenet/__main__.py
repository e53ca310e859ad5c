"""Lets `python -m samenet` be the command line."""

from samenet.cli import main

if __name__ == "__main__":
    main()
