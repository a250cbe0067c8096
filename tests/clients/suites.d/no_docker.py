"""A plugin of pytest: limits' tests ask for services of Docker, and find the server that is there."""

import pytest


class Running:
    """Services that have been started already."""

    def start(self, *_arguments, **_options):
        pass

    def wait_for_service(self, *_arguments, **_options):
        pass


@pytest.fixture(scope="session")
def docker_services():
    return Running()
