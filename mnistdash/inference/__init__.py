"""Inference with exported models: LiteRT only, no TensorFlow."""
