"""What people run models' Python in today, each in an environment of its own, measured by the same cells.

Each script is run by the Python of its environment, takes the cells as JSON on stdin and prints its
figures as JSON; `environments` makes the environments under .make/benches the first time.
"""
