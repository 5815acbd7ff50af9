"""What `benches/scaling.py` is made of."""
