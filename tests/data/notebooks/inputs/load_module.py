"""A module beside the notebook `load`."""
