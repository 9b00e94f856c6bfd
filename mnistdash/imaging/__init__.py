"""Turn any picture into the network's 28x28 input."""
