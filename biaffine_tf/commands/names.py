"""Names of all commands."""

# Modules by the names of the console commands behind "biaffine-".
COMMANDS = {
    "audit": "audit",
    "check-model": "check_model",
    "convert": "convert",
    "data": "describe_data",
    "display": "display",
    "ensemble": "ensemble",
    "evaluate": "evaluate",
    "predict": "predict",
    "pretrain": "pretrain",
    "pretrain-data": "pretrain_data",
    "pretrain-embeddings": "pretrain_embeddings",
    "recipe": "recipe",
    "selection": "selection",
    "train": "train",
    "tune": "tune",
    "vocabulary": "make_vocabulary",
}
