"""The queue of runs and the worker processes that train them."""
