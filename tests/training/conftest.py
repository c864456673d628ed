"""Data of the tests that train."""

import pytest
import tiny_runs


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return tiny_runs.write_corpus(tmp_path_factory.mktemp("corpus"))
