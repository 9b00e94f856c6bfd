"""MNIST: find, download, verify and split it; the offline sample; votes on disputed labels."""
