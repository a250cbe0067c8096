#!/usr/bin/env bash
# redis-cli against a running server: redirects, scripts, transactions, RESP3, cluster tools.
#
# usage: redis_cli.sh HOST PORT MASTERS
# Empties the server. ATOLL_TEST_PEER=redis skips what Redis cannot do. CLIENT_TLS is a folder with
# ca.crt, client.crt and client.key: then all goes by TLS.
set -uo pipefail

host=$1
port=$2
masters=$3
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../examples/scripts" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed=0
failed=0
skipped=0

ok() { passed=$((passed + 1)) && echo "ok   $1"; }
fail() {
  failed=$((failed + 1))
  printf 'FAIL %s\n     want: %s\n     got:  %s\n' "$1" "$2" "$3"
}
# is NAME WANT GOT: the same text. like NAME PATTERN GOT: a shell pattern.
is() { if [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "$2" "$3"; fi; }
# shellcheck disable=SC2053 # the right side is a pattern on purpose
like() { if [[ $3 == $2 ]]; then ok "$1"; else fail "$1" "$2" "$3"; fi; }
# atoll_only NAME: true when the peer is Atoll; else counts NAME as skipped.
atoll_only() {
  [ "${ATOLL_TEST_PEER:-}" != redis ] && return
  skipped=$((skipped + 1))
  echo "skip $1"
  return 1
}

tls=()
if [ -n "${CLIENT_TLS:-}" ]; then
  tls=(--tls --cert "$CLIENT_TLS/client.crt" --key "$CLIENT_TLS/client.key"
    --cacert "$CLIENT_TLS/ca.crt")
fi

# cli follows redirects, plain_at PORT does not.
cli() { timeout 15 redis-cli "${tls[@]}" -c -h "$host" -p "$port" "$@" 2>&1; }
plain_at() { timeout 15 redis-cli "${tls[@]}" -h "$host" -p "$1" "${@:2}" 2>&1; }
tool() { timeout 30 redis-cli "${tls[@]}" --cluster "$@" 2>&1; }

# session KEY LINE...: the lines as one connection, which first moves to the owner of KEY. MULTI
# names no key, so without that a redirect would come in the middle of the transaction.
session() {
  local key=$1
  shift
  printf '%s\n' "EXISTS $key" "$@" | cli | sed '0,/^[01]$/d'
}

master_ports() {
  plain_at "$port" cluster nodes |
    awk '/master/ { sub(/@.*/, "", $2); sub(/.*:/, "", $2); print $2 }'
}

# The port of the node that serves a key: its own word, or where it sends us.
owner() {
  local reply
  reply=$(plain_at "$port" exists "$1")
  if [[ $reply == MOVED* ]]; then echo "${reply##*:}"; else echo "$port"; fi
}

crossslot="CROSSSLOT Keys in request don't hash to the same slot"

basics() {
  is 'ping' PONG "$(cli ping)"
  is 'flushall on every master' "$masters" \
    "$(tool call "$host:$port" flushall | grep -c "^$host:[0-9]*: OK")"
  like 'server says it is a cluster' '*cluster_enabled:1*' "$(cli info cluster)"

  # The slots of these keys are spread over three nodes.
  local key
  for key in foo bar name; do
    is "set $key, redirected as needed" OK "$(cli set "$key" "value of $key")"
    is "get $key, redirected as needed" "value of $key" "$(cli get "$key")"
  done

  # Without -c: the owner answers, all others point to it; inside one process nobody is sent away.
  local at served=0 moved=0 reply
  for at in $(master_ports); do
    reply=$(plain_at "$at" get foo)
    case $reply in
      'value of foo') served=$((served + 1)) ;;
      "MOVED 12182 $host:"*) moved=$((moved + 1)) ;;
    esac
  done
  is 'one node serves a key, all others answer MOVED' "1 $((masters - 1))" "$served $moved"

  is 'hset' 2 "$(cli hset '{h}' name ann points 3)"
  is 'hincrby' 8 "$(cli hincrby '{h}' points 5)"
  is 'hgetall' $'name\nann\npoints\n8' "$(cli hgetall '{h}')"
  is 'expire' 1 "$(cli expire '{h}' 60)"
  is 'ttl' 60 "$(cli ttl '{h}')"
  is 'wrong type' 'WRONGTYPE Operation against a key holding the wrong kind of value' \
    "$(cli get '{h}')"
}

crossing_slots() {
  is 'mset over two slots' "$crossslot" "$(cli mset foo 1 bar 2)"
  is 'eval over two slots' "$crossslot" "$(cli eval 'return 1' 2 foo bar)"
  is 'mset in one hash tag' OK "$(cli mset '{t}1' a '{t}2' b)"
  is 'mget in one hash tag' $'a\nb' "$(cli mget '{t}1' '{t}2')"
}

scripts() {
  is 'eval with keys of one hash tag' 7 "$(cli eval \
    "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])" 2 '{t}a' '{t}b' 7)"
  local sha
  sha=$(printf '%s' 'return ARGV[1]' | sha1sum | cut -d' ' -f1)
  is 'script load gives the SHA1' "$sha" "$(cli script load 'return ARGV[1]')"
  is 'evalsha' hello "$(cli evalsha "$sha" 0 hello)"
  is 'eval of a file' -1 "$(cli --eval "$scripts/stock_decrement.lua" '{shop}:hat' , 1)"
  like 'an error in a script names script and line' \
    'ERR user_script:1: boom script: *, on @user_script:1.' "$(cli eval "error('boom')" 0)"

  if atoll_only 'a script that fails after writes leaves nothing'; then
    cli set '{r}old' before >/dev/null
    like 'a script that fails after writes reports its error' 'ERR *boom*' "$(cli eval "
      redis.call('set', KEYS[1], 'x')
      redis.call('append', KEYS[2], 'x')
      redis.call('hset', KEYS[3], 'f', 'x')
      redis.call('expire', KEYS[2], 100)
      error('boom')" 3 '{r}new' '{r}old' '{r}hash')"
    is 'a script that fails after writes leaves no key' 0 "$(cli exists '{r}new' '{r}hash')"
    is 'a script that fails after writes changes no value' before "$(cli get '{r}old')"
    is 'a script that fails after writes sets no expiry' -1 "$(cli ttl '{r}old')"

    like 'a script that fails in a command reports its error' 'WRONGTYPE *' "$(cli eval "
      redis.call('set', KEYS[1], 'x')
      redis.call('hget', KEYS[1], 'f')" 1 '{r}new')"
    is 'a script that fails in a command leaves nothing' 0 "$(cli exists '{r}new')"
    # A lock without its expiry would be held for ever.
    like 'a lock with a bad lifetime is refused' 'ERR value is not an integer*' \
      "$(cli --eval "$scripts/lock_acquire.lua" '{r}lock' , token never)"
    is 'a lock with a bad lifetime leaves no lock' 0 "$(cli exists '{r}lock')"
  fi

  if atoll_only 'WATCH, MULTI, EXEC inside a script'; then
    cli mset '{till}:left' 50 '{till}:right' 0 >/dev/null
    local move=$scripts/watch_multi_exec.lua
    is 'MULTI and EXEC inside a script' $'30\n20' \
      "$(cli --eval "$move" '{till}:left' '{till}:right' , 20)"
    is 'DISCARD inside a script' '' "$(cli --eval "$move" '{till}:left' '{till}:right' , 99)"
    is 'DISCARD inside a script changes nothing' $'30\n20' \
      "$(cli mget '{till}:left' '{till}:right')"
  fi
}

transactions() {
  is 'multi, exec' $'OK\nQUEUED\nQUEUED\nOK\n6' \
    "$(session '{m}a' MULTI 'SET {m}a 5' 'INCR {m}a' EXEC)"
  is 'multi, discard' $'OK\nQUEUED\nOK\n6' \
    "$(session '{m}a' MULTI 'SET {m}a 7' DISCARD 'GET {m}a')"
  like 'a wrong command in multi aborts exec' $'OK\nERR wrong number*EXECABORT*' \
    "$(session '{m}a' MULTI 'SET {m}a' EXEC)"
  is 'watch on a key that stays the same' $'OK\nOK\nQUEUED\n7' \
    "$(session '{m}a' 'WATCH {m}a' MULTI 'INCR {m}a' EXEC)"
  is 'watch on a key that changes' $'OK\nOK\nOK\nQUEUED\n\n8' \
    "$(session '{m}a' 'WATCH {m}a' 'SET {m}a 8' MULTI 'INCR {m}a' EXEC 'GET {m}a')"
}

resp3() {
  cli hset '{h3}' f v >/dev/null
  is 'RESP2: a hash is a list' $'1) "f"\n2) "v"' "$(cli --no-raw hgetall '{h3}')"
  is 'RESP3: a hash is a map' '1# "f" => "v"' "$(cli -3 --no-raw hgetall '{h3}')"
  is 'RESP3: null' '(nil)' "$(cli -3 --no-raw get '{h3}none')"
  is 'RESP3: true from a script' '(true)' \
    "$(cli -3 --no-raw eval 'redis.setresp(3) return true' 1 '{h3}')"
  is 'RESP3: a double from a script' '(double) 3.5' \
    "$(cli -3 --no-raw eval 'return {double = 3.5}' 1 '{h3}')"
  like 'hello tells the protocol' '*proto*3*' "$(cli hello 3 | tr '\n' ' ')"
}

cluster_tools() {
  local output
  output=$(tool check "$host:$port")
  is '--cluster check succeeds' 0 $?
  like '--cluster check: all slots covered' '*All 16384 slots covered*' "$output"
  like '--cluster check: nodes agree' '*All nodes agree about slots configuration*' "$output"

  tool call "$host:$port" flushall >/dev/null
  local i
  for i in $(seq 60); do echo "SET key:$i $i"; done | cli >"$scratch/set"
  is '60 commands on standard input, each redirected as needed' 60 "$(grep -c OK "$scratch/set")"
  like '--cluster info' "*60 keys in $masters masters*" "$(tool info "$host:$port")"
  is '--cluster call dbsize adds up' 60 "$(tool call "$host:$port" dbsize |
    sed -nE "s/^$host:[0-9]+: (\(integer\) )?([0-9]+)$/\2/p" | awk '{ n += $1 } END { print n }')"

  local at
  for at in $(master_ports); do plain_at "$at" --scan --pattern 'key:*'; done >"$scratch/scan"
  is 'scan of every master finds each key once' "$(seq 60 | sed 's/^/key:/' | sort)" \
    "$(sort "$scratch/scan")"

  # Mass insertion sends raw requests and follows no redirect: one slot, at its owner.
  at=$(owner '{bulk}')
  for i in $(seq 500); do printf 'SET {bulk}%d %d\r\n' "$i" "$i"; done >"$scratch/bulk"
  like '--pipe' '*errors: 0, replies: 500*' "$(plain_at "$at" --pipe <"$scratch/bulk")"
  is '--pipe wrote the last key' 500 "$(cli get '{bulk}500')"
}

# kill_endless SCRIPT KEY: starts SCRIPT, kills it from a second connection, and leaves in
# $scratch/killed what its caller was told. Asking again is bounded: 10 seconds.
kill_endless() {
  local at i
  at=$(owner "$2")
  plain_at "$at" eval "$1" 1 "$2" >"$scratch/killed" &
  local caller=$!
  for ((i = 0; i < 100; i++)); do
    if [ "$(plain_at "$at" script kill)" = OK ]; then
      wait "$caller"
      return
    fi
    sleep 0.1
  done
  kill "$caller"
  return 1
}

script_kill() {
  local at threshold killed='ERR *Script killed by user with SCRIPT KILL*'
  at=$(owner '{kill}')
  is 'script kill when nothing runs' 'NOTBUSY No scripts in execution right now.' \
    "$(plain_at "$at" script kill)"

  # So that the node answers others soon after a script has become endless.
  threshold=$(plain_at "$at" config get busy-reply-threshold | tail -n 1)
  plain_at "$at" config set busy-reply-threshold 50 >/dev/null

  kill_endless 'while true do end' '{kill}'
  is 'script kill from a second connection' 0 $?
  like 'the caller of a killed script is told' "$killed" "$(cat "$scratch/killed")"

  if atoll_only 'a script is killed after it wrote'; then
    cli set '{kill}' before >/dev/null
    kill_endless "redis.call('set', KEYS[1], 'x') redis.call('expire', KEYS[1], 100)
      while true do pcall(function() while true do end end) end" '{kill}'
    is 'script kill after a write' 0 $?
    like 'the caller of a script killed after a write is told' "$killed" "$(cat "$scratch/killed")"
    is 'what a killed script wrote is gone' before "$(cli get '{kill}')"
    is 'what a killed script made expire does not' -1 "$(cli ttl '{kill}')"
  fi
  if atoll_only 'an endless script ends by its time limit'; then
    like 'an endless script ends by its time limit' 'TIMEOUT Script ran longer than * ms and was rolled back.*' \
      "$(cli eval "redis.call('set', KEYS[1], 'x') while true do end" 1 '{kill}')"
    is 'what a script wrote before its time limit is gone' before "$(cli get '{kill}')"
  fi
  plain_at "$at" config set busy-reply-threshold "$threshold" >/dev/null
  is 'the server serves as before' PONG "$(plain_at "$at" ping)"
}

basics
crossing_slots
scripts
transactions
resp3
cluster_tools
script_kill

if ((skipped > 0)); then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
((failed == 0))
