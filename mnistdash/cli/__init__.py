"""The command line, `python -m mnistdash COMMAND`."""
