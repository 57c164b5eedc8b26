"""gunicorn's settings for `flask_app`; ``run_flask_example`` begins it with these, and its own options go before."""

bind = "127.0.0.1:5001"
workers = 4
control_socket_disable = True
