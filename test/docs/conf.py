"""Settings of Sphinx for the user guide; test/docs/main.ts prepares the pages and runs it."""

project = "Outrigger"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}

# Anchors as GitHub makes them, so that a link works in the repository and on the site.
myst_heading_anchors = 6
# A change log repeats its headings, and a page may go from # to ###.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
highlight_language = "none"
# "--flag" and "..." stay as they are written.
smartquotes = False

html_theme = "furo"
html_title = "Outrigger"
html_copy_source = False
# A summary is fetched, which a browser refuses for file:// addresses.
html_show_search_summary = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
# No index: it would be empty, as it lists names of code.
html_use_index = False
html_theme_options = {"top_of_page_buttons": []}
