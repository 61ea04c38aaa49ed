"""Pure values and rules: no I/O, no import but the standard library."""
