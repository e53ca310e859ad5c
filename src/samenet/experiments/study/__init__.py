"""Activations and losses chosen by experiment."""
