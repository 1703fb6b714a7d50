"""Content Credentials (C2PA): what a clip says of itself, and what an episode will say."""
