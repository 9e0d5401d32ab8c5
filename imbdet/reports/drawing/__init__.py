"""Shared drawing code of the reports: figures, class curves, HTML pages."""
