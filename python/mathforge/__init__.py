"""Evaluate math models and make math training data."""
