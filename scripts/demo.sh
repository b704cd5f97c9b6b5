#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/demo.sh [--bars N] [--performer FILE.mid] [--tempo BPM]
                       [--model DIR|mirror] [--out DIR] [--no-build]

From a fresh Debian 12 to music: installs what is missing, builds, starts the inference
service on this machine, lets a MIDI file play the musician through the real edge in
real time, prints one line per bar and stops what it started. Needs no sound device.

  --bars N         bars to play (default 16)
  --performer FILE a type 0 or 1 MIDI file (default examples/evening_4_4.mid)
  --tempo BPM      quarter notes a minute instead of the file's own tempo map
  --model DIR      a checkpoint's folder; "mirror" answers with the player's own bar
                   (default models/starter, else random weights made on the spot)
  --out DIR        where the session goes (default build/demo)
  --no-build       take the programs as they are: no set-up, no build

Leaves in DIR: session.mid, bars.jsonl, session.svg (piano roll), session.wav,
inference.log and edge.log.

Test and demo share the build folder of the CMake preset ci, so that both together
cost one build. Environment: ANTIPHON_PRESET=dev builds without warnings as errors,
for a compiler that knows a new warning.
HELP
}

wrong_usage() { echo "demo.sh: $*; see --help" >&2; exit 2; }

bars=16 performer= tempo= model= out= build=yes
while (($#)); do
  option=${1%%=*}
  case $option in
    --help) usage; exit 0 ;;
    --no-build) build=no; shift; continue ;;
    --bars | --performer | --tempo | --model | --out) ;;
    *) wrong_usage "unknown argument '$1'" ;;
  esac
  if [[ $1 == *=* ]]; then value=${1#*=}; else value=${2-}; shift; fi
  [[ -n $value ]] || wrong_usage "$option needs a value"
  declare "${option#--}=$value"
  shift
done
[[ $bars =~ ^[1-9][0-9]{0,5}$ ]] || wrong_usage "--bars '$bars' is no number from 1"
[[ -z $tempo || $tempo =~ ^[0-9]+(\.[0-9]+)?$ ]] ||
  wrong_usage "--tempo '$tempo' is no number"
[[ -z $performer || -f $performer ]] || wrong_usage "no file '$performer'"
[[ -z $model || $model == mirror || -e $model ]] ||
  wrong_usage "--model '$model' is neither a checkpoint nor 'mirror'"

# Paths given by the caller are relative to the caller's folder.
[[ -z $performer ]] || performer=$(realpath "$performer")
[[ -z $model || $model == mirror ]] || model=$(realpath "$model")
[[ -z $out ]] || out=$(realpath -m "$out")
cd "$(dirname "$0")/.."
preset=${ANTIPHON_PRESET:-ci}
programs=build/$preset/bin
performer=${performer:-examples/evening_4_4.mid}
out=${out:-build/demo}

say() { echo "demo: $*"; }

build_programs() {
  scripts/setup.sh --preset "$preset"
  say "building preset $preset"
  cmake --build --preset "$preset" \
    --target antiphon-edge antiphon-inference antiphon-model
}

# Sets model: the starter model, else a checkpoint with random weights.
choose_model() {
  [[ -z $model ]] || return 0
  if [[ -f models/starter/model.safetensors ]]; then
    model=models/starter
    return
  fi
  model=build/$preset/demo/random-nano
  if [[ ! -f $model/model.safetensors ]]; then
    rm -rf "$model" "$model.partial"
    mkdir -p "$(dirname "$model")"
    "$programs/antiphon-model" init --config=nano --out="$model.partial"
    mv "$model.partial" "$model"
  fi
  say "no trained model here: the weights are RANDOM, so what answers is noise"
}

free_ports() {
  python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[server.getsockname()[1] for server in held])
PY
}

service= edge=
stop() {  # asks, waits up to five seconds, insists
  local pid=$1
  kill -TERM "$pid" 2>/dev/null || return 0
  for _ in {1..50}; do
    kill -0 "$pid" 2>/dev/null || { wait "$pid" 2>/dev/null || true; return 0; }
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}
stop_all() {
  local pid
  for pid in $edge $service; do stop "$pid"; done
  edge='' service=''
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_service() {
  local ports
  read -r -a ports <<<"$(free_ports)"
  address=127.0.0.1:${ports[0]} edge_metrics=127.0.0.1:${ports[2]}
  "$programs/antiphon-inference" --model="$model" --listen="$address" \
    --metrics="127.0.0.1:${ports[1]}" >"$out/inference.log" 2>&1 &
  service=$!
  for _ in {1..600}; do
    if grep -qs "ready on" "$out/inference.log"; then
      say "service on $address, metrics on 127.0.0.1:${ports[1]}, model $model"
      return
    fi
    kill -0 "$service" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$out/inference.log" >&2
  echo "demo.sh: the service did not get ready; see $out/inference.log" >&2
  exit 1
}

play() {
  say "playing $bars bars of $performer"
  "$programs/antiphon-edge" --source=file --performer="$performer" \
    --service="$address" --metrics="$edge_metrics" --session-dir="$out" \
    --bars="$bars" \
    ${tempo:+--tempo="$tempo"} 2>"$out/edge.log" &
  edge=$!
  local status=0
  wait "$edge" || status=$?
  edge=''
  if ((status != 0)); then
    tail -n 5 "$out/edge.log" >&2
    echo "demo.sh: the edge ended with $status; see $out/edge.log" >&2
    exit 1
  fi
}

render() {
  scripts/session_svg.py "$out/session.mid" "$out/session.svg"
  local font=/usr/share/sounds/sf2/TimGM6mb.sf2
  if command -v fluidsynth >/dev/null && [[ -f $font ]]; then
    fluidsynth -niq -g 0.8 -r 48000 -F "$out/session.wav" "$font" \
      "$out/session.mid" >"$out/fluidsynth.log" 2>&1
    rm "$out/fluidsynth.log"
  else
    say "no session.wav: fluidsynth or $font is missing"
  fi
}

summarise() {
  python3 - "$out/bars.jsonl" <<'PY'
import collections, json, sys
bars = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
said = collections.Counter((b["outcome"], b["reason"]) for b in bars)
print(f"demo: {len(bars)} bars:", ", ".join(
    f"{count} {outcome} ({reason})" for (outcome, reason), count in said.most_common()))
PY
}

[[ $build == no ]] || build_programs
mkdir -p "$out"
rm -f "$out"/session.{mid,svg,wav} "$out/bars.jsonl"
choose_model
start_service
play
render
stop_all
summarise
say "left in $out: $(cd "$out" && ls session.* bars.jsonl | tr '\n' ' ')"
