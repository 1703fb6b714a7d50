"""The bundled sample story, drawn and sounded from nothing: people, places, shots, sound, files."""
