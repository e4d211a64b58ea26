"""Figures in one look, each a `Picture` with alternative text made from its numbers."""
