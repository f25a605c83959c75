"""The daemon's configuration: its model, how it is read, and what changes between two of them."""
