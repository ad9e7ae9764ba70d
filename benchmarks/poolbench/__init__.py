"""Measures pools of workers: `contenders` are measured by `measures`, told about in `report`."""
