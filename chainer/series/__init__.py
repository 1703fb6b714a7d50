"""Series: all episodes of one, the pages that play them, and their feeds."""
