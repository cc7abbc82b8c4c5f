"""`python -m mathforge.dataset.prepare`: `mathforge prepare` by the name it has in NeMo-Skills."""
