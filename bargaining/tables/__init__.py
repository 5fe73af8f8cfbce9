"""Tables with notes, as Markdown, LaTeX, CSV, HTML and plain text."""
