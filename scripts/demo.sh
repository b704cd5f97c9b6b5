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

  --bars N         bars to play (default 16; with --performer the whole file and two
                   bars more, so that its last bar is answered too)
  --performer FILE a type 0 or 1 MIDI file (default examples/evening_4_4.mid)
  --tempo BPM      quarter notes a minute, 20 to 999, instead of the file's tempo map
  --model DIR      a checkpoint's folder; "mirror" answers with the player's own bar
                   (default models/starter, else random weights made on the spot)
  --out DIR        where the session goes (default build/demo)
  --no-build       take the programs as they are: no set-up, no build

Leaves in DIR: session.mid, bars.jsonl, session.svg (piano roll), session.wav,
inference.log and edge.log. The answer is on MIDI channel 16, apart from the player.
Exit status: 0 fine, 1 failed, 2 wrong usage, 130 after Ctrl-C.

Test and demo share the build folder of the CMake preset ci, so that both together
cost one build. Environment: ANTIPHON_PRESET=dev builds without warnings as errors,
for a compiler that knows a new warning.
HELP
}

wrong_usage() { echo "demo.sh: $*; see --help" >&2; exit 2; }

bars="" performer="" tempo="" model="" out="" build=yes
while (($#)); do
  option=${1%%=*}
  case $option in
    --help) usage; exit 0 ;;
    --no-build) build=no; shift; continue ;;
    --bars | --performer | --tempo | --model | --out) ;;
    *) wrong_usage "unknown argument '$1'" ;;
  esac
  if [[ $1 == *=* ]]; then value=${1#*=}; else value=${2-}; shift; fi
  [[ -n $value && $value != --* ]] || wrong_usage "$option needs a value"
  declare "${option#--}=$value"
  shift
done
[[ -z $bars || $bars =~ ^[1-9][0-9]{0,4}$ ]] ||
  wrong_usage "--bars '$bars' is no number from 1 to 99999"
[[ -z $tempo || $tempo =~ ^[1-9][0-9]{1,2}(\.[0-9]+)?$ && ${tempo%.*} -ge 20 ]] ||
  wrong_usage "--tempo '$tempo' is no number from 20 to 999"
[[ -z $performer || -f $performer ]] || wrong_usage "no file '$performer'"
[[ -z $performer || $(head -c 4 "$performer" | tr -d '\0') == MThd ]] ||
  wrong_usage "--performer '$performer' is no MIDI file"
[[ -z $model || $model == mirror || -e $model ]] ||
  wrong_usage "--model '$model' is neither a checkpoint nor 'mirror'"

# Paths given by the caller are relative to the caller's folder.
[[ -z $performer ]] || performer=$(realpath "$performer")
[[ -z $model || $model == mirror ]] || model=$(realpath "$model")
[[ -z $out ]] || out=$(realpath -m "$out")
cd "$(dirname "$0")/.."
preset=${ANTIPHON_PRESET:-ci}
programs=build/$preset/bin
[[ -n $performer ]] || bars=${bars:-16}
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

service="" edge=""
stop_all() {  # asks, waits up to five seconds each, insists
  local pid running="$edge $service"
  edge='' service=''
  for pid in $running; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in $running; do
    for _ in {1..100}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}
interrupted() {
  local playing=$edge
  stop_all
  [[ -z $playing ]] || say "stopped; what was played is in $out/session.mid"
  exit "$1"
}
trap stop_all EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

# Ends with the program's own words and status, where it refused what it was given.
give_up() {
  local program=$1 status=$2 log=$3
  if ! grep "^$program: " "$log" >&2; then
    tail -n 5 "$log" >&2
    echo "demo.sh: $program ended with $status; see $log" >&2
  fi
  exit $((status == 2 ? 2 : 1))
}

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
    if ! kill -0 "$service" 2>/dev/null; then
      local status=0
      wait "$service" || status=$?
      give_up antiphon-inference "$status" "$out/inference.log"
    fi
    sleep 0.1
  done
  echo "demo.sh: the service was not ready in a minute; see $out/inference.log" >&2
  exit 1
}

play() {
  if [[ -n $bars ]]; then
    say "playing $bars bars of $performer"
  else
    say "playing all of $performer and two bars more"
  fi
  say "a line for each bar: what sounds in it and why, how early the answer was ready"
  "$programs/antiphon-edge" --source=file --performer="$performer" --channel=16 \
    --service="$address" --metrics="$edge_metrics" --session-dir="$out" \
    ${bars:+--bars="$bars"} ${tempo:+--tempo="$tempo"} 2>"$out/edge.log" &
  edge=$!
  local status=0
  wait "$edge" || status=$?
  edge=''
  ((status == 0)) || give_up antiphon-edge "$status" "$out/edge.log"
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
[[ -x $programs/antiphon-edge && -x $programs/antiphon-inference ]] ||
  wrong_usage "no programs in $programs: leave out --no-build"
mkdir -p "$out" || exit 2
rm -f "$out"/session.{mid,svg,wav} "$out/bars.jsonl"
choose_model
start_service
play
say "drawing session.svg, rendering session.wav"
kill -TERM "$service"  # it ends while we draw
render
summarise
say "left in $out: $(cd "$out" && echo session.* bars.jsonl)"
