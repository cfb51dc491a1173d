"""For all tests of this project: `pytester`, which runs pytest inside a test of the plugin."""

pytest_plugins = ["pytester"]
