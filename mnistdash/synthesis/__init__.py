"""Make pictures for training: handwriting styles, redrawn digits, non-digits."""
