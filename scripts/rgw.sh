#!/bin/bash
# A Ceph RGW on this machine, for tests: one monitor, one memory-backed OSD, one S3 gateway.
#
#   scripts/rgw.sh [--install] start DIR   prints the endpoint and keys as lines for the environment
#   scripts/rgw.sh stop DIR                ends it and removes DIR
#   scripts/rgw.sh install                 only installs what it takes, where that is missing
#
# Installs nothing unless told to with --install (as root, with apt). Everything lies in DIR, which
# must not exist yet, and listens on 127.0.0.1 alone. What is stored is lost when it ends.
set -euo pipefail

TOOLS=(ceph ceph-mon ceph-osd ceph-mgr radosgw radosgw-admin monmaptool)
PACKAGES=(ceph-mon ceph-osd ceph-mgr radosgw ceph-common)
SECONDS_TO_START=60

fail() { printf 'rgw.sh: %s\n' "$*" >&2; exit 1; }

missing() { for tool in "${TOOLS[@]}"; do command -v "$tool" >/dev/null || printf '%s ' "$tool"; done; }

install_packages() {
    [ -n "$(missing)" ] || return 0
    [ "$(id -u)" = 0 ] || fail "only root can install ${PACKAGES[*]}"
    command -v apt-get >/dev/null || fail "there is no apt-get to install ${PACKAGES[*]} with"
    {
        exec 9>/var/lock/chainer-rgw && flock 9
        [ -n "$(missing)" ] || return 0
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${PACKAGES[@]}"
    } >&2
}

# Ports that nobody listens on at this moment.
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PYTHON
}

configure() {
    local fsid
    fsid=$(cat /proc/sys/kernel/random/uuid)
    # auth is none, and radosgw insists on a secure connection to the monitor, which none cannot
    # give: without `ms mon client mode` it waits for ever.
    cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port,v1:127.0.0.1:$mon_v1_port]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
ms bind ipv6 = false
run dir = $dir
admin socket = $dir/\$name.asok
log file = $dir/\$name.log
pid file = $dir/\$name.pid
mon data = $dir/mon
osd data = $dir/osd
mgr data = $dir/mgr
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
mon osd full ratio = .99
setuser match path = $dir
mgr initial modules =
[client.rgw.a]
rgw data = $dir
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw enable usage log = false
rgw ops log rados = false
CONF
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port,v1:127.0.0.1:$mon_v1_port]" \
        "$dir/monmap" >"$dir/setup.log"
}

# Every daemon runs in the foreground of a session of its own, so that we know its pid.
launch() {
    local name=$1
    shift
    setsid "$@" -c "$dir/ceph.conf" -f >"$dir/$name.out" 2>&1 </dev/null &
    echo $! >"$dir/$name.child"
}

alive() { kill -0 "$(cat "$dir/$1.child")" 2>/dev/null; }

show_and_fail() {
    tail -n 20 "$dir/$1.out" "$dir"/*"$1"*.log >&2 2>/dev/null || true
    stop
    fail "$1 did not start"
}

run_ceph() { timeout 30 ceph -c "$dir/ceph.conf" --connect-timeout 20 "$@" >>"$dir/setup.log" 2>&1; }

start() {
    local lacking port mon_port mon_v1_port access secret uuid
    lacking=$(missing)
    [ -z "$lacking" ] || fail "not installed: $lacking(run with --install as root, or install ${PACKAGES[*]})"
    [ ! -e "$dir" ] || fail "$dir is there already"
    mkdir -p "$dir" "$dir/mon" "$dir/osd" "$dir/mgr"
    read -r port mon_port mon_v1_port <<<"$(free_ports 3)"
    configure
    ceph-mon -c "$dir/ceph.conf" -i a --mkfs --monmap "$dir/monmap" >>"$dir/setup.log" 2>&1 || show_and_fail mon
    launch mon ceph-mon -i a
    run_ceph mon stat || show_and_fail mon
    launch mgr ceph-mgr -i a
    uuid=$(cat /proc/sys/kernel/random/uuid)
    run_ceph osd new "$uuid" 0 || show_and_fail osd
    ceph-osd -c "$dir/ceph.conf" -i 0 --mkfs --osd-uuid "$uuid" >>"$dir/setup.log" 2>&1 || show_and_fail osd
    launch osd ceph-osd -i 0
    launch rgw radosgw -n client.rgw.a
    access=CHAINERTEST
    secret=$(cat /proc/sys/kernel/random/uuid)
    timeout 60 radosgw-admin -c "$dir/ceph.conf" user create --uid=chainer --display-name=chainer \
        --access-key="$access" --secret="$secret" >>"$dir/setup.log" 2>&1 || show_and_fail rgw
    local end=$((SECONDS + SECONDS_TO_START))
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        alive rgw || show_and_fail rgw
        [ "$SECONDS" -lt "$end" ] || show_and_fail rgw
        sleep 0.2
    done
    cat <<ENV
AWS_ENDPOINT_URL=http://127.0.0.1:$port
AWS_ACCESS_KEY_ID=$access
AWS_SECRET_ACCESS_KEY=$secret
AWS_REGION=default
ENV
}

# Ends only what start began here: the pids it noted, while they still are what it started.
stop() {
    local name pid
    for name in rgw osd mgr mon; do
        [ -f "$dir/$name.child" ] || continue
        pid=$(cat "$dir/$name.child")
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$dir/ceph.conf"; then
            kill -9 "$pid" 2>/dev/null || true
            while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
        fi
    done
    rm -rf "$dir"
}

install=
if [ "${1:-}" = install ]; then install_packages; exit; fi
if [ "${1:-}" = --install ]; then install=yes; shift; fi
[ $# = 2 ] || fail "usage: rgw.sh [--install] start DIR | stop DIR | install"
dir=$(realpath -m -- "$2")
case $1 in
    start) [ -z "$install" ] || install_packages; start ;;
    stop) [ ! -d "$dir" ] || { [ -f "$dir/ceph.conf" ] || fail "$dir was not made by this script"; stop; } ;;
    *) fail "usage: rgw.sh [--install] start DIR | stop DIR" ;;
esac
