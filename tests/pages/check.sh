#!/usr/bin/env bash
# The pages that our tools make, in a browser without a window: each must load without an error,
# try itself out (#selftest), and say that all is well.
#
#   tests/pages/check.sh target/release/faults
#
# With PAGES=DIR the pages and a picture of each are kept there.
# Exits with 0 if all is well, 1 if something is not, 64 if called wrongly, 69 without a browser.
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
    echo "usage: $0 <the faults binary>, for example target/release/faults" >&2
    exit 64
fi
faults=$(realpath "$1")
browser=
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then browser=$name && break; fi
done
if [[ -z $browser ]]; then
    echo "there is no Chromium here: apt-get install chromium" >&2
    exit 69
fi

work=$(mktemp -d)
pages=${PAGES:-$work/pages}
mkdir -p "$pages"
server=

cleanup() {
    local status=$?
    if [[ -n $server ]] && kill "$server" 2>/dev/null; then
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# open <address> <more flags>: what the page has become, with the browser's words in $work/words.
open() {
    rm -rf "$work/profile"
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --disable-dev-shm-usage --user-data-dir="$work/profile" --window-size=1600,2400 \
        --enable-logging=stderr --v=0 --virtual-time-budget=10000 "${@:2}" "$1" 2>"$work/words"
}

# check <address> <a text that must be there>...: loads it, and reads what it says of itself.
check() {
    local address=$1 dom=$work/dom text
    shift
    open "$address#selftest" --dump-dom >"$dom" || fail "$address cannot be opened"
    if grep -q ':CONSOLE' "$work/words"; then
        grep ':CONSOLE' "$work/words" >&2
        fail "$address complains"
    fi
    grep -q 'data-ready="' "$dom" || fail "$address did not come to its end"
    if ! grep -q 'data-selftest="passed"' "$dom"; then
        grep -o 'data-wrong="[^"]*"' "$dom" >&2 || true
        fail "$address is not content with itself"
    fi
    for text in "$@"; do
        grep -qF -- "$text" "$dom" || fail "$address does not show '$text'"
    done
    if [[ -n ${PAGES:-} && $address == file://* ]]; then
        open "$address" --hide-scrollbars --screenshot="${address#file://}.png" >"$work/dom"
    fi
    printf '  fine: %s\n' "${address##*/}"
}

"$faults" report 0x3 --storm 8 --out "$pages/valid.html" >/dev/null || fail "seed 0x3 is not valid"
check "file://$pages/valid.html" 'id="lane-messages"' 'class="valid"'

# A run with a broken promise, where the build knows one.
if "$faults" run --help | grep -q mutant && "$faults" report 0xd --mutant A01 --out "$pages/invalid.html" >/dev/null 2>&1; then
    fail "mutant A01 passes for a correct broker"
elif [[ -s $pages/invalid.html ]]; then
    check "file://$pages/invalid.html" 'class="invalid"' 'class="finding'
fi

# A page must notice what is wrong with it: without its verdict it is not content.
sed 's/id="verdict"/id="gone"/' "$pages/valid.html" >"$work/broken.html"
if (check "file://$work/broken.html") >/dev/null 2>&1; then
    fail "the check passes a page that is broken"
fi

"$faults" matrix --seeds 1 --golden --cells leader-crash --out "$pages" >/dev/null || fail "the matrix"
check "file://$pages/matrix.html" 'id="detail"'

# The index of the same directory, and a page through it.
"$faults" serve "$pages" --port 0 >"$work/served" &
server=$!
for _ in $(seq 100); do
    grep -q '^http' "$work/served" && break
    sleep 0.1
done
address=$(grep -o 'http://[0-9.:]*/' "$work/served") || fail "serve does not say where"
check "${address}valid.html" 'class="valid"'
open "$address" --dump-dom >"$work/dom"
if grep ':CONSOLE' "$work/words" >&2; then fail "the index complains"; fi
grep -q 'data-ready="1"' "$work/dom" || fail "the index did not come to its end"
for name in valid.html matrix.html matrix.json; do
    grep -qF ">$name</a>" "$work/dom" || fail "the index does not list $name"
done
printf '  fine: the index\n'
