"""Figures of what spindlewatch costs and finds, each with one command and one budget; see README.md."""
