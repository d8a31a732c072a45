"""What can be typed: each command with its arguments, and the door that it opens."""
