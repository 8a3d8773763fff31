"""Private to kinds about tables: the cells of a CSV text, the types of columns, their profiles. It defines no kind."""
