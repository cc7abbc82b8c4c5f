"""The Python calls of NeMo-Skills recipes, so that their scripts run with the import replaced."""
