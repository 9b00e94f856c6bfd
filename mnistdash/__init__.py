"""Recognize handwritten digits: draw them, train a network, explore its errors."""
