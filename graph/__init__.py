"""What TEN sees and makes necessary: imports `core` and TEN, no socket."""
