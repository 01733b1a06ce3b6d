#!/usr/bin/env bash
# kcat (librdkafka) against a broker of one node: lists, produces in every way it knows, consumes,
# and compares.
#
#   tests/real_clients/kcat.sh target/debug/highwater
#
# Exits with 0 if all is well, 1 if something is not, 64 if called wrongly, 69 without kcat.
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
    echo "usage: $0 <the broker's binary>, for example target/debug/highwater" >&2
    exit 64
fi
if ! command -v kcat >/dev/null; then
    echo "kcat is not installed: apt-get install kcat, or brew install kcat" >&2
    exit 69
fi

binary=$(realpath "$1")
work=$(mktemp -d)
broker=

cleanup() {
    local status=$?
    if [[ -n $broker ]] && kill -KILL "$broker" 2>/dev/null; then
        wait "$broker" 2>/dev/null || true
    fi
    if [[ $status -ne 0 && -f $work/broker.log ]]; then
        echo "--- the broker's last words" >&2
        tail -n 30 "$work/broker.log" >&2
    fi
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Below the ports that systems give to outgoing connections.
random_port() {
    echo $((12000 + RANDOM % 16000))
}

# Starts a broker; a port that is taken ends it at once, and others are tried.
start() {
    local attempt
    for attempt in 1 2 3 4 5; do
        port=$(random_port)
        local controller
        controller=$(random_port)
        cat >"$work/broker.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$controller
controller.quorum.fetch.timeout.ms=500
num.partitions=1
log.dirs=$work/data
PROPERTIES
        NO_COLOR=1 "$binary" --config "$work/broker.properties" >"$work/broker.out" 2>"$work/broker.log" &
        broker=$!
        local deadline=$((SECONDS + 20))
        while ((SECONDS < deadline)); do
            kill -0 "$broker" 2>/dev/null || break
            if grep -q 'Transitioning from RECOVERY to RUNNING' "$work/broker.log"; then
                return
            fi
            sleep 0.05
        done
        kill -0 "$broker" 2>/dev/null && fail "the broker did not get ready within 20 s"
        broker=
        grep -q 'cannot listen' "$work/broker.log" || fail "the broker did not start"
    done
    fail "five times the ports were taken (attempt $attempt)"
}

# Every call has a deadline, so that a broker that does not answer is a failure and not a hang.
kcat_() {
    timeout 30 kcat -b "127.0.0.1:$port" "$@"
}

# lines <word> <count>: as many different lines.
lines() {
    local number
    for ((number = 1; number <= $2; number++)); do
        echo "$1 $number of $2, with enough behind it to be worth compressing, compressing, compressing"
    done
}

# The number of the compression in the header of a partition's first batch.
compression_of() {
    local attributes
    attributes=$(od -An -tu1 -j22 -N1 "$work/data/$1-0/00000000000000000000.log")
    echo $((attributes & 7))
}

# round_trip <topic> <count> <kcat's flags>...: produces, consumes, compares.
round_trip() {
    local topic=$1 count=$2
    shift 2
    lines "$topic" "$count" >"$work/sent"
    kcat_ -P -t "$topic" "$@" <"$work/sent" 2>"$work/kcat.log" ||
        fail "$topic: kcat -P $*: $(cat "$work/kcat.log")"
    # acks=0 tells nobody when the records are there: so many are read, however long it takes.
    kcat_ -C -t "$topic" -p 0 -o beginning -c "$count" -q >"$work/read" 2>"$work/kcat.log" ||
        fail "$topic: kcat -C: $(cat "$work/kcat.log")"
    cmp "$work/sent" "$work/read" || fail "$topic: what was read is not what was sent"
    # Nothing is there twice, and the end of the partition is found.
    local read
    read=$(kcat_ -C -t "$topic" -p 0 -o beginning -e -q | wc -l)
    [[ $read -eq $count ]] || fail "$topic: $read records where $count were sent"
    echo "  $topic: fine"
}

start
echo "kcat $(kcat -V | sed -n 's/^Version \([^ ]*\).*/\1/p') against $binary on port $port"

listed=$(kcat_ -L)
grep -q "broker 1 at 127.0.0.1:$port (controller)" <<<"$listed" || fail "not listed: $listed"
echo "  list: fine"

for acks in 0 1 -1; do
    round_trip "acks.$acks" 500 -X "acks=$acks"
done
round_trip idempotent 500 -X enable.idempotence=true

declare -A numbers=([gzip]=1 [snappy]=2 [lz4]=3 [zstd]=4)
builtin=$(kcat -X list 2>/dev/null | sed -n 's/^compression.codec *|  P  | *//p' | head -1)
for codec in gzip snappy lz4 zstd; do
    # A kcat without the codec sends its records as they are, or refuses to start.
    if [[ $builtin != *"$codec"* ]] || ! kcat -z "$codec" -V >/dev/null 2>&1; then
        echo "  $codec: left out, this kcat does not have it"
        continue
    fi
    round_trip "compressed.$codec" 500 -z "$codec"
    found=$(compression_of "compressed.$codec")
    if [[ $codec == lz4 && $found -eq 0 ]]; then
        # librdkafka takes FindCoordinator for the sign of a broker that knows lz4, and a broker
        # without consumer groups does not tell of it.
        echo "  compressed.lz4: sent uncompressed, by librdkafka's choice"
    elif [[ $found -ne ${numbers[$codec]} ]]; then
        fail "compressed.$codec: the batch on the disk has compression $found"
    fi
done
round_trip both 500 -X enable.idempotence=true -z gzip

listed=$(kcat_ -L)
grep -q 'topic "idempotent" with 1 partitions' <<<"$listed" || fail "not listed: $listed"
if kcat_ -P -t 'no such name!' <<<"record" >/dev/null 2>"$work/kcat.log"; then
    fail "a topic with an impossible name was created"
fi
echo "  an impossible name is refused: fine"

kill -TERM "$broker"
wait "$broker" || fail "the broker stopped with $?"
broker=
[[ -f $work/data/.kafka_cleanshutdown ]] || fail "a clean stop left no marker"
echo "kcat: everything as it should be"
