"""The machinery behind the public names; nothing here is part of TEN's API."""
