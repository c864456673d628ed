"""Files are read as the version of the readers says."""

from __future__ import annotations

import hashlib
import json

from biaffine_tf.formats import READER_VERSION

COLUMNS = "Ann B-PER\nLee I-PER\n, O\nof O\nEly I-LOC\n\nnobody O\nhere O\n"
FILES = [
    (COLUMNS, {}),
    (COLUMNS, {"strict_tags": True}),
    (COLUMNS.replace("I-", "E-").replace(" ", "\t"), {}),
    ("-DOCSTART- O\n\n" + COLUMNS.replace("-", "_"), {}),
    ("# a comment\n" + COLUMNS + "# B-X\nb O\n", {}),
    ("北 B-LOC\n京 I-LOC\n的 O\n\n人 O\n民 O\n", {}),
    ("科0 B-A\n技1 I-A\n的0 O\n", {}),
    (COLUMNS.replace("B-PER", "B-PER B-X").replace("O\n", "O O\n"), {}),
    (
        "# global.columns = ID FORM MISC NER\n# sent_id = s\n"
        "1\tAnn\tSpaceAfter=No\tB-PER\n2\t.\tSpacesAfter=\\n\tO\n",
        {},
    ),
    ('{"text": "Ann in Ely", "label": {"PER": {"Ann": [[0, 2]]}}}\n', {}),
    ('{"id": 7, "text": "a b", "spans": []}\n{"text": "c", "doc_id": 1}', {}),
    (
        '{"text": "a bc", "entities": [{"start_idx": 2, "end_idx": 3, '
        '"type": "X", "entity": "bc"}]}',
        {},
    ),
    ('{"text": "a bc", "label": [[2, 4, "X"]]}\n', {}),
    ('{"text": "a bc", "label": [[2, 3, "X"]]}\n', {"offsets": "inclusive"}),
    ('{"tokens": ["a", "bc"], "ner_tags": ["O", "B-X"]}\n', {}),
    ('[["a bc", {"entities": [[2, 4, "X"]]}]]', {}),
    ('{"text": " a", "spans": [{"start": 0, "end": 2, "label": "X"}]}', {}),
    (
        '{"text": " a", "spans": [{"start": 0, "end": 2, "label": "X"}]}',
        {"trim_spans": True, "label_map": [("X", "Y")]},
    ),
    ("{{PER:Ann}} met {{ORG:the {{LOC:Ely}} club}} \\{\n", {}),
    ("1|t|Ann in\n1|a|Ely\n1\t0\t3\tAnn\tPER\n", {}),
    ("text,id\nAnn,1\nEly,2\n", {}),
    ("one\n\n two \n", {}),
]
DIGEST = "85fea70f3dfbe81d07d8e4b3b15ca46b8c9468fb8ed3076a6e8398b1b733303c"


def test_the_version_changes_with_what_is_read(reading):
    found = [
        [one.text, one.spans, one.id, one.document, one.words]
        for content, options in FILES
        for one in reading(content, **options)
    ]
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    assert (READER_VERSION, digest) == (2, DIGEST), (
        "files are read otherwise than before: raise READER_VERSION, so that "
        "records are written anew, and store the new digest here"
    )
