"""Models of the tests of predictors."""

import hostile
import pytest
import tiny


@pytest.fixture(scope="session")
def directories(tmp_path_factory):
    """A model directory for each kind of tokenizer; entities are free."""
    made = {}
    for kind in tiny.BERT_KINDS:
        path = tmp_path_factory.mktemp("models") / kind
        made[kind] = hostile.write_model(path, hostile.model(kind))
    return made
