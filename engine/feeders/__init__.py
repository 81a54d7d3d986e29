"""What brings the data of other systems to Redis: one module for each protocol."""
