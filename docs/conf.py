"""The site: `python3 dev.py docs` builds it into `target/site`.

Its source folder is the clone, not `docs/`, so that links between pages, COMPARE.md, the crates'
protocols and the results are the same here and on a page that shows the repository.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import reference  # noqa: E402

reference.write(ROOT / "docs")

project = "ungil"
author = "ungil's contributors"
project_copyright = "ungil's contributors"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "*.md",
    "benchmarks/*.md",
    "crates/*/README.md",
    "crates/ungil-pool/src/shm/README.md",
]
exclude_patterns = ["target", ".*", "**/node_modules"]
suppress_warnings = ["toc.not_included"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "ungil"
html_static_path: list[str] = []
html_extra_path = ["site"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
