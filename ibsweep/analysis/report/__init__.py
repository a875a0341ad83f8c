"""The report: an HTML page a question and an index; the same tables for the terminal."""

from ibsweep.analysis.report.pages import gather_all, write_pages

__all__ = ["gather_all", "write_pages"]
