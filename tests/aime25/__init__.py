"""Hand-written transcripts for AIME 2025 problems, known here by their ids only."""
