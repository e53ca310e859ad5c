"""How Sphinx builds the guide: `sphinx-build -W -c docs/guide docs build/guide`.

With `-D nb_execution_mode=force -D nb_execution_timeout=600` the notebook is executed on the way
(two minutes) and shows its figures.

The source folder is docs/, so that the guide links the pages that stand beside it instead of
copying them. What could drift from the code is generated from the code: see generated.py.
"""

import sys
from pathlib import Path

from samenet._version import __version__

sys.path.insert(0, str(Path(__file__).parent))  # the two extensions stand beside this file

project = "samenet"
version = release = __version__
author = project_copyright = "the samenet authors"
extensions = ["myst_nb", "generated", "formulas"]
root_doc = "guide/index"
include_patterns = ["guide/*.md", "*.md", "notebooks/*.ipynb"]
nb_execution_mode = "off"  # a test of its own executes the notebooks; here they are read
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
myst_update_mathjax = False
myst_heading_anchors = 3  # links to headings, with the names that GitHub gives them
html_theme = "furo"
html_title = "samenet: the guide"
html_copy_source = False
html_show_sphinx = False
