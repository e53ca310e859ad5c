"""Lets `python -m samenet` be the command line."""

from samenet.cli.main import main

if __name__ == "__main__":
    main()
