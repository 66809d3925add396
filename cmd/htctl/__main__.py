"""`python -m htctl`."""

from htctl.app import main

if __name__ == "__main__":
    main()
