"""The benchmark: what an episode costs beside other tools, and how exact it comes out."""
