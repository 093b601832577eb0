# Sourced by the scripts: the repository root as working folder, headings, quiet builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

jobs=$(nproc)
readonly jobs

heading() { printf '\n== %s\n' "$*" >&2; }

# run_logged LOG command...: shows the command's output only when it fails.
run_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return 0
  tail -n 60 "$log" >&2
  echo "failed: $* (the whole output is in $log)" >&2
  return 1
}

# build PRESET [target...]: configures and builds; a terminal sees ninja's one line of progress, a log only failures.
build() {
  local preset=$1
  shift
  local targets=()
  [[ $# == 0 ]] || targets=(--target "$@")
  run_logged "build/$preset.configure.log" cmake --preset "$preset" || return
  local command=(cmake --build "build/$preset" --parallel "$jobs" "${targets[@]}")
  if [[ -t 1 ]]; then
    NINJA_STATUS="build $preset [%f/%t] " "${command[@]}"
  else
    run_logged "build/$preset.build.log" "${command[@]}"
  fi
}

# Prints the path of the default model, fetching it when the cache lacks it.
default_model() { scripts/get-model | tail -n 1; }
