"""Building, training and finishing networks: the only part of the package that imports Keras."""
