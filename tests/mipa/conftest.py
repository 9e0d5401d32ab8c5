"""Fixtures of the tests of MiPa."""

import pytest
from mmengine.logging import MessageHub


@pytest.fixture
def progress():
    """The training progress that the runner reports."""
    hub = MessageHub.get_current_instance()
    kept = dict(hub.runtime_info)

    def tell(**info):
        hub.runtime_info.clear()
        hub.runtime_info.update(info)

    tell()
    yield tell
    tell(**kept)
