"""The bundled sample story, drawn and sounded from nothing: shapes, people, places, shots, sound, files."""
