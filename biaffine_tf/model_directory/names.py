"""Names of the files in a model directory, and a remedy for damage."""

CONFIG = "config.json"
LABELS = "labels.txt"
VOCABULARY = "vocab.txt"
WEIGHTS = "weights.safetensors"
SCORES = "scores.json"
PREDICTIONS = "predictions.jsonl"
HISTORY = "history.json"
CONFIDENCE = "confidence.json"
REPORT = "report.html"
CARD = "README.md"
LOGS = "logs"
EXPORT = "export"
CHECKPOINTS = "checkpoints"
DIGESTS = "digests.json"


DAMAGED = "the directory is damaged; restore it or train again"
