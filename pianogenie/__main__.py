"""`python -m pianogenie`."""

from pianogenie.cli import main

if __name__ == "__main__":
    main()
