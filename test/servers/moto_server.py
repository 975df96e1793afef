"""moto's S3 on a free port of this machine, with one PUT at a time.

Between looking whether an object is there and putting it moto lets another PUT in, so that two may win where S3 lets one.
"""

from threading import Lock

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


def main() -> None:
    moto = DomainDispatcherApplication(create_backend_app)
    one_at_a_time = Lock()

    def application(environ, start_response):
        if environ["REQUEST_METHOD"] != "PUT":
            return moto(environ, start_response)
        with one_at_a_time:
            return moto(environ, start_response)

    run_simple("127.0.0.1", 0, application, threaded=True)


main()
