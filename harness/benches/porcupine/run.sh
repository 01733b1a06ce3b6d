#!/usr/bin/env bash
# Races our checker against Porcupine on the same files, and prints the ratios. See README.md.
#
#   harness/benches/porcupine/run.sh [DIR]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
recorded="${1:-}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# One thread on either side.
export GOMAXPROCS="${GOMAXPROCS:-1}"
timeout="${TIMEOUT:-60s}"
memory="${MEMORY:-2048}"

cd "$here"
go build -o "$work/porcupine-times" .
cd ../../..
ours() {
    cargo bench --quiet --package harness --bench linearizable -- "$@"
}
ours --export "$work/synthetic" >/dev/null

race() {
    local name=$1 directory=$2
    ours --csv "$directory" | sort >"$work/ours"
    # A process for each file, so that none suffers from the garbage of another.
    for file in "$directory"/*.log "$directory"/*.txt; do
        [[ -e $file ]] || continue
        "$work/porcupine-times" -timeout "$timeout" -memory "$memory" "$file"
    done | sort >"$work/theirs"
    printf '\n%s\n' "$name"
    join -t, "$work/ours" "$work/theirs" | awk -F, '
        BEGIN { printf "%-36s %10s %8s %12s %10s %14s %10s\n", "history", "operations", "ours", "us", "porcupine", "us", "ratio" }
        {
            ratio = ($7 > 0) ? sprintf("%.1f", $7 / $4) : "-"
            if ($6 == "unknown") ratio = "> " ratio
            wrong = ($3 != $6 && $6 != "memory" && $6 != "unknown") ? "  DISAGREE" : ""
            printf "%-36s %10d %8s %12.2f %10s %14.2f %10s%s\n", $1, $2, $3, $4 / 1e3, $6, $7 / 1e3, ratio, wrong
            if ($6 == "ok" || $6 == "illegal") { ours += $4; theirs += $7 }
            if ($7 > 0 && (least == 0 || $7 / $4 < least)) least = $7 / $4
        }
        END { if (ours > 0) printf "%-36s %10s %8s %12.2f %10s %14.2f %10.1f  (least %.1f)\n", "sum of what both decided", "", "", ours / 1e3, "", theirs / 1e3, theirs / ours, least }
    '
}

[[ -z $recorded ]] || race "recorded: $recorded" "$recorded"
race "synthetic" "$work/synthetic"
