"""Pages and pictures for people: the report of an episode."""
