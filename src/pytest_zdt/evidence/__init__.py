"""What a run saw: samples and marks, and the directory they are kept in. Imports nothing else of this project."""
