"""A run on disk: its recipe, settings, events, model card and weights."""
