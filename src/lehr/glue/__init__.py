"""GLUE: its nine tasks with their own metrics, their data, and classifiers on any encoder."""
