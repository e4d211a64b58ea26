"""`python -m clvhelpers` is the `clv` command."""

from clvhelpers.cli import main

if __name__ == "__main__":
    main()
