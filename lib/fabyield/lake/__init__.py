"""The Delta tables of the lake, as schemas/ declare them and as they are stored."""
