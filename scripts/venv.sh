#!/usr/bin/env bash
# Makes .venv ready: creates it and installs requirements, if that is not done.
#
#     scripts/venv.sh [--quiet] [requirements.txt | requirements-dev.txt]
#
# Done again only when requirements*.txt or Python changed: a stamp within .venv
# holds their hash. The stamp is written last, and a marker stands while pip
# works: an install that was killed half way is thrown away and done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quiet=no
if [[ ${1:-} == --quiet ]]; then
  quiet=yes
  shift
fi
requirements=${1:-requirements.txt}
venv=.venv
marker=$venv/.installing
stamp=$venv/.installed-$requirements

say() { [[ $quiet == yes ]] || printf '%s\n' "$*" >&2; }

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

is_python311() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
    2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python; do
    if is_python311 "$candidate"; then
      # Not the python of an activated .venv, which may be about to go.
      "$candidate" -c 'import sys; print(sys._base_executable)'
      return
    fi
  done
  fail "Python 3.11 is needed and was not found (tried ${PYTHON:-}${PYTHON:+, }python3.11, python3, python)." \
    "Install it (https://www.python.org/downloads/), or name it: PYTHON=/path/to/python3.11 $0"
}

create() {
  local python
  python=$(find_python)
  say "creating $venv with $("$python" --version)"
  rm -rf "$venv"
  mkdir "$venv"
  : >"$marker"
  "$python" -m venv "$venv" || {
    rm -rf "$venv"
    fail "$python could not create a virtual environment (see above)." \
      "On Debian and Ubuntu: apt-get install python3.11-venv"
  }
}

# A line "NAME HASH" for a file and for each that it includes, and so installs.
fingerprints() {
  "$venv/bin/python" - "$requirements" <<'PYTHON'
import hashlib
import pathlib
import re
import sys


def files(name):
    content = pathlib.Path(name).read_text()
    included = re.findall(r"(?m)^-r (\S+)", content)
    found = {name: content}
    for one in included:
        found |= files(one)
    return found


for name in files(sys.argv[1]):
    content = "".join(sum(sorted(files(name).items()), ()))
    hash = hashlib.sha256((sys.version + content).encode()).hexdigest()
    print(name, hash)
PYTHON
}

is_installed() {
  [[ -f $stamp ]] || return
  local found
  found=$(fingerprints)
  [[ ${found%%$'\n'*} == "$requirements $(<"$stamp")" ]]
}

# Not left to the first command, which keeps nothing where
# PYTHONDONTWRITEBYTECODE is set. Other modules are compiled when imported.
compile_imports() {
  env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 TF_USE_LEGACY_KERAS=1 \
    "$venv/bin/python" - 2>&1 <<'PYTHON'
import biaffine_tf.commands.completion
import biaffine_tf.commands.pretrain
import biaffine_tf.commands.training_run
import biaffine_tf.export.export
import biaffine_tf.export.onnx_network
import biaffine_tf.pretraining.run
import biaffine_tf.reports.html
import biaffine_tf.training.fine_tuning
# Imported within functions.
import jinja2
import onnxruntime
import scipy.optimize
import tensorboard.summary
import tensorflow_text
PYTHON
}

install() {
  say "installing $requirements into $venv (the first time: minutes)"
  : >"$marker"
  local found name hash
  found=$(fingerprints)
  # pip compiles every file of every package: half of its time, and commands
  # import a quarter of them.
  if ! "$venv/bin/python" -m pip install --quiet --no-input --no-compile \
    --disable-pip-version-check --requirement "$requirements"; then
    # pip ended by itself: nothing is half installed, only not all of it.
    rm -f "$marker"
    fail "installing $requirements failed (see above); run $0 again to retry"
  fi
  say "compiling what training, prediction and exports import"
  local printed
  if ! printed=$(compile_imports); then
    rm -f "$marker"
    fail "$printed" "the installed packages cannot be imported (see above)"
  fi
  while read -r name hash; do
    printf '%s\n' "$hash" >"$venv/.installed.new"
    mv "$venv/.installed.new" "$venv/.installed-$name"
  done <<<"$found"
  rm -f "$marker"
  say "installed in $SECONDS s"
}

[[ -f $requirements ]] || fail "there is no $requirements here ($PWD)"

# One at a time: two pips in one environment break it.
if command -v flock >/dev/null; then
  exec 9<scripts/venv.sh
  flock 9
fi

if [[ -f $marker ]]; then
  say "the last install was interrupted: starting over"
  create
elif ! is_python311 "$venv/bin/python" ||
  ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  create
fi
is_installed || install
