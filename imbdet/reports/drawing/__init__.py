"""What all reports draw with: figures, the curve of the classes, the HTML page."""
