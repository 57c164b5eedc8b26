"""What the tests of several parts share: strategies, vectors, expected values, and how programs are run.

pytest finds it through ``pythonpath`` and mypy through ``mypy_path`` in pyproject.toml.
"""
