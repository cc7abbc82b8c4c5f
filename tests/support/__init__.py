"""What several test files share: servers to talk to and recordings to play."""
