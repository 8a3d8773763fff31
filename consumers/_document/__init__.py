"""Private to kinds about documents: the text of PDF, DOCX, HTML, Markdown and plain text, within bounds. It defines no kind."""
