#!/bin/bash
# What tests of pages and playlists take: Chromium from Debian, hls.js from the npm registry.
#
#   scripts/browser.sh install      as root, where something is missing
#   scripts/browser.sh hls DIR      puts hls.min.js of the version below into DIR
set -euo pipefail

HLS=1.7.4

fail() { printf 'browser.sh: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
install)
    [ -n "$(command -v chromium || true)" ] && [ -n "$(command -v npm || true)" ] && exit 0
    [ "$(id -u)" = 0 ] || fail "only root can install chromium and npm"
    command -v apt-get >/dev/null || fail "there is no apt-get to install chromium with"
    wanted=()
    command -v chromium >/dev/null || wanted+=(chromium)
    command -v npm >/dev/null || wanted+=(npm)
    {
        exec 9>/var/lock/chainer-browser && flock 9
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${wanted[@]}"
    } >&2
    ;;
hls)
    dir=${2:?browser.sh hls DIR}
    mkdir -p "$dir"
    [ -s "$dir/hls.min.js" ] && exit 0
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent "hls.js@$HLS" >/dev/null && tar xzf ./*.tgz package/dist/hls.min.js)
    mv "$work/package/dist/hls.min.js" "$dir/hls.min.js"
    ;;
*)
    fail "say install, or hls DIR"
    ;;
esac
