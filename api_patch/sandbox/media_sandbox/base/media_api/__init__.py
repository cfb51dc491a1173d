"""The media API: images and audio, searched, shown, and registered for."""
