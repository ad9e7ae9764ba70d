"""Parallel Python: measure, choose, run."""

from ungil._ungil import __version__

__all__ = ["__version__"]
