"""gunicorn's settings for `gunicorn_app`: workers that are forked after the application is imported, and cleaned up."""

from mmstats_reader import clean

bind = "127.0.0.1:8000"
workers = 2
preload_app = True


def child_exit(server: object, worker: object) -> None:
    """Keep what a worker counted that has gone, and remove its files; gunicorn calls it in the parent process."""
    clean(fold=True)
