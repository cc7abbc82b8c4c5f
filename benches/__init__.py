"""Side-by-side measurements for users: `make bench` prints one table."""
