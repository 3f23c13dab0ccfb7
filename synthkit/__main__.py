"""`python -m synthkit` is `synthkit`: for environments whose scripts are not on the path."""

from synthkit.cli import main

if __name__ == "__main__":
    main()
