//! Terminal, JSON, CSV and Markdown from plain data. Pure.
