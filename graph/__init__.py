"""What TEN sees and what TEN makes necessary: imports `core` and TEN, no socket."""
