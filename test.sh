#!/usr/bin/env bash
# Runs the tests: ./test.sh [--fast] [arguments of pytest ...]
#
# --fast leaves out the tests that train, run whole commands or take seconds. Tests
# run in two processes; three on two cores take longer. Tests on real data look
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
# Hundreds of processes would compile the package each.
unset PYTHONDONTWRITEBYTECODE
export BIAFFINE_DATA=${BIAFFINE_DATA:-$PWD/../shared/data}

pytest() { .venv/bin/python -m pytest "$@"; }

if (($#)) && [[ $fast_only == no ]]; then
  pytest "$@"
  exit
fi

# Longest files first, see tests/conftest.py; in the order of their numbers of
# tests, as it is otherwise, the longest would be begun last.
at_once=(-n 2 --dist loadfile --no-loadscope-reorder --durations=20)
if [[ $fast_only == yes ]]; then
  pytest -m "not slow" "${at_once[@]}" "$@"
else
  pytest "${at_once[@]}"
fi
