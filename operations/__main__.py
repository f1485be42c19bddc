"""The command line: python -m operations VERB."""

from operations.cli.main import main

if __name__ == "__main__":
    main()
