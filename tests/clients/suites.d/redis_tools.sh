#!/usr/bin/env bash
# redis-cli and redis-benchmark as clients of a cluster: what they say of it, and that they can use it.
#
# usage: redis_tools.sh HOST PORT. Prints a line for each check, and counts at the end.
set -euo pipefail

host=$1
port=$2
passed=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

node() { redis-cli -h "$host" -p "$port" "$@"; }
cluster() { redis-cli -c -h "$host" -p "$port" "$@" 2>&1; }

# check NAME COMMAND...: the function says by its exit code whether it is so.
check() {
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    tail -n 5 "$scratch/output"
    failed=$((failed + 1))
  fi
}

says() { # TEXT COMMAND...
  local text=$1
  shift
  "$@" | tee "$scratch/said"
  grep -qi -- "$text" "$scratch/said"
}

redirects() {
  local key
  for key in a1 zz9 k{1..20}; do
    [ "$(cluster set "$key" "$key")" = OK ] && [ "$(cluster get "$key")" = "$key" ] || return 1
  done
}

script() {
  local body='redis.call("set", KEYS[1], ARGV[1]) return redis.call("get", KEYS[2])'
  [ "$(cluster eval "$body" 2 '{t}a' '{t}a' 7)" = 7 ]
}

pipe() {
  local i
  for ((i = 0; i < 500; i++)); do echo "SET {p}$i v"; done >"$scratch/pipe"
  [ "$(cluster <"$scratch/pipe" | grep -c OK)" = 500 ]
}

scan() {
  local i
  for ((i = 0; i < 50; i++)); do echo "SET {scan}$i v"; done | cluster >/dev/null
  [ "$(cluster get '{scan}0')" = v ]
  for i in 0 1 2; do redis-cli -h "$host" -p $((port + i)) --scan --pattern '{scan}*'; done |
    sort -u >"$scratch/keys"
  [ "$(wc -l <"$scratch/keys")" = 50 ]
}

# benchmark ARGUMENT...: none of its requests is answered with an error.
benchmark() {
  timeout 120 redis-benchmark -h "$host" -p "$port" --cluster -c 20 -q "$@" >"$scratch/said" 2>&1
  tr '\r' '\n' <"$scratch/said" | grep 'requests per second'
  ! grep -iE 'error|ERR ' "$scratch/said"
}

check '--cluster check' says 'All 16384 slots covered' redis-cli --cluster check "$host:$port"
check '--cluster info' says masters redis-cli --cluster info "$host:$port"
check '--cluster call' says "$port:" redis-cli --cluster call "$host:$port" dbsize
check 'redirections are followed' redirects
check 'keys of two slots' says CROSSSLOT cluster mset a 1 b 2
check 'a script' script
check 'a script with keys of two slots' says CROSSSLOT cluster eval 'return 1' 2 a b
check 'commands from standard input' pipe
check '--bigkeys' says Sampled node --bigkeys
check '--memkeys' says Sampled node --memkeys
check '--scan' scan
check 'RESP3' says proto node -3 hello 3
check 'benchmark' benchmark -n 20000 \
  -t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset
check 'benchmark with pipelines' benchmark -P 16 -n 100000 -t set,get
check 'benchmark of a script' benchmark -n 20000 -r 10000 \
  eval 'return redis.call("incr", KEYS[1])' 1 'k{tag}:__rand_int__'

echo "$passed passed, $failed failed"
((failed == 0))
