"""Writes the demo benchmark: problems and recorded transcripts, from parts written by hand under `parts/`."""
