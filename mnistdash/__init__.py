"""Draw a digit and see it read, train the network that reads it, explore what it gets wrong."""
