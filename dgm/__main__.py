"""`python -m dgm` is the command `dgm`."""

from dgm.cli.main import main

if __name__ == "__main__":
    main()
