#!/usr/bin/env bash
# Runs the tests: ./test.sh [--fast] [arguments of pytest ...]
#
# --fast leaves out the tests that train or run whole commands. Tests on real
# data look for it in BIAFFINE_DATA and are skipped if it is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

arguments=()
for argument in "$@"; do
  if [[ $argument == --fast ]]; then
    arguments+=(-m "not slow")
  else
    arguments+=("$argument")
  fi
done

scripts/venv.sh requirements-dev.txt
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
export BIAFFINE_DATA=${BIAFFINE_DATA:-$PWD/../shared/data}
exec .venv/bin/python -m pytest ${arguments[@]+"${arguments[@]}"}
