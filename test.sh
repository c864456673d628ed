#!/usr/bin/env bash
# Runs the tests: ./test.sh [--fast] [arguments of pytest ...]
#
# --fast leaves out the tests that train, run whole commands or take seconds. Tests
# run in two processes: most of their time is one core's. Tests on real data look
# for it in BIAFFINE_DATA and are skipped if it is not there. With arguments of
# pytest, all is left to it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fast_only=no
if [[ ${1:-} == --fast ]]; then
  fast_only=yes
  shift
fi

scripts/venv.sh requirements-dev.txt || exit
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
export BIAFFINE_DATA=${BIAFFINE_DATA:-$PWD/../shared/data}

pytest() { .venv/bin/python -m pytest "$@"; }

if (($#)) && [[ $fast_only == no ]]; then
  pytest "$@"
  exit
fi

status=0
pytest -m "not slow" -n 2 --dist loadfile "$@" || status=$?
if [[ $fast_only == no ]]; then
  # In order: the longest, which has but one test, would be begun last.
  pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder || status=$?
fi
exit "$status"
