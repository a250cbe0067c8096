# shellcheck shell=bash
# Starting and stopping the servers that the client scenarios talk to. Sourced.
#
# ATOLL_TEST_PEER=redis starts redis-server in Atoll's place: a scenario that fails there too is
# wrong itself. The scenarios then skip what only Atoll does.

host=127.0.0.1
server_pids=()
server_log=
server_folder=
atoll=
# Where the admin page is, if there is one.
admin_port=
# What redis-cli needs to be served.
tls=()

# A port P such that P..P+2 are free, and P+10000..P+10002 too, where cluster buses listen. All stay
# below 32768: above it the system hands ports to outgoing connections, which could take ours.
# ATOLL_TEST_PORTS=FIRST-LAST is another range, where several runs are not to meet.
free_ports() {
  python3 - "$host" "${ATOLL_TEST_PORTS:-11000-22000}" <<'PY'
import random, socket, sys

def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((sys.argv[1], port))
            return True
        except OSError:
            return False

first, last = map(int, sys.argv[2].split("-"))
for base in random.sample(range(first, last - 2, 3), 200):
    if all(free(base + bus + i) for bus in (0, 10000) for i in range(3)):
        print(base)
        break
else:
    sys.exit("no free ports")
PY
}

# start LOG COMMAND...: in the background, in a process group of its own, so that stopping it hard
# also ends the processes that it started.
start() {
  # Atoll reads every variable that begins with ATOLL_ as a setting. ATOLL_BIN and ATOLL_TEST_PEER
  # are none, and a setting of the caller's shell must not change what is tested.
  local name unset=()
  for name in $(compgen -e ATOLL_); do unset+=(-u "$name"); done
  server_log=$1
  shift
  set -m
  # exec, so that $! is the server itself and not a shell that waits for it.
  (exec env "${unset[@]}" "$@") >>"$server_log" 2>&1 </dev/null &
  server_pids+=($!)
  set +m
}

# wait_ready PORT...: until each node says that all slots are served, 30 seconds at most.
wait_ready() {
  local port pid deadline=$((SECONDS + 30))
  for port in "$@"; do
    until timeout 2 redis-cli "${tls[@]}" -h "$host" -p "$port" cluster info 2>/dev/null |
      grep -q '^cluster_state:ok'; do
      for pid in "${server_pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || { echo "server ended at start"; return 1; }
      done
      ((SECONDS < deadline)) || { echo "port $port not ready in 30 s"; return 1; }
      sleep 0.1
    done
  done
}

# certificate FOLDER NAME: one for this machine, of the authority ca in that folder.
certificate() {
  local folder=$1 name=$2
  openssl req -newkey rsa:2048 -nodes -keyout "$folder/$name.key" -out "$folder/$name.csr" \
    -subj "/CN=$name" 2>/dev/null
  openssl x509 -req -in "$folder/$name.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
    -CAcreateserial -days 2 -out "$folder/$name.crt" \
    -extfile <(echo "subjectAltName=IP:$host,DNS:localhost") 2>/dev/null
}

certificates() {
  local folder=$1
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/ca.key" -out "$folder/ca.crt" \
    -subj "/CN=authority" -days 2 -addext "keyUsage=critical,keyCertSign" 2>/dev/null
  certificate "$folder" server
  certificate "$folder" client
}

# A cluster of three nodes that serve nobody without TLS, and talk it with each other.
start_tls() {
  local folder=$1 i nodes="$host:$port,$host:$((port + 1)),$host:$((port + 2))"
  certificates "$folder"
  export CLIENT_TLS=$folder
  tls=(--tls --cert "$folder/client.crt" --key "$folder/client.key" --cacert "$folder/ca.crt")
  for ((i = 0; i < 3; i++)); do
    start "$server_log" "$atoll" --bind "$host" --port 0 --shards 2 --dir "$folder/data$i" \
      --set tls-port=$((port + i)) --set cluster.initial-nodes="$nodes" --set tls-cluster=yes \
      --set tls-cert-file="$folder/server.crt" --set tls-key-file="$folder/server.key" \
      --set tls-ca-cert-file="$folder/ca.crt"
  done
  for ((i = 0; i < 3; i++)); do wait_ready $((port + i)); done
}

# start_servers KIND FOLDER: KIND is "single" (four shards), "one-shard", "cluster", or "nodes" for a
# cluster whose nodes can be restarted (see start_node), or "tls". Sets $port and $masters.
start_servers() {
  local kind=$1 folder=$2
  server_pids=()
  unset CLIENTS_RESTART
  server_folder=$folder
  tls=()
  unset CLIENT_TLS
  server_log=$folder/server.log
  port=$(free_ports)
  masters=$([[ $kind = single || $kind = one-shard ]] && echo 1 || echo 3)
  admin_port=
  mkdir -p "$folder"
  if [ "${ATOLL_TEST_PEER:-}" = redis ]; then
    start_redis "$folder"
  elif [ "$kind" = nodes ]; then
    start_nodes "$folder"
  elif ((masters == 1)); then
    admin_port=$((port + 2))
    start "$server_log" "$atoll" --bind "$host" --port "$port" --dir "$folder/data" \
      --shards "$([ "$kind" = one-shard ] && echo 1 || echo 4)" --set admin-port=$admin_port \
      --set metrics-port=$((port + 1))
    wait_ready "$port"
  elif [ "$kind" = tls ]; then
    start_tls "$folder"
  else
    start "$server_log" "$atoll" demo-cluster --nodes 3 --shards 2 --port "$port" \
      --dir "$folder/data"
    wait_ready "$port" $((port + 1)) $((port + 2))
  fi
}

# start_node FOLDER PORT COMMAND...: a node that a scenario can restart. $CLIENTS_RESTART PORT ends
# it with SIGTERM, or with the signal that follows, and starts it anew.
start_node() {
  local folder=$1 node_port=$2
  shift 2
  start "$folder/server.log" "$@"
  echo "${server_pids[-1]}" >"$folder/$node_port.pid"
  printf '%q ' "$@" >"$folder/$node_port.command"
  cat >"$folder/restart" <<'SH'
#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
pid=$(<"$1.pid")
kill "-${2:-TERM}" "$pid"
for ((i = 0; i < 150; i++)); do
  # A process that has ended and that nobody has waited for is there still, as Z.
  [[ $(ps -o stat= -p "$pid") == [^Z]* ]] || break
  sleep 0.1
done
unset ${!ATOLL_*}
eval "exec setsid $(<"$1.command")" >>server.log 2>&1 </dev/null &
echo $! >"$1.pid"
SH
  chmod +x "$folder/restart"
  if [ "$kind" = nodes ]; then export CLIENTS_RESTART=$folder/restart; fi
}

start_nodes() {
  local folder=$1 i list
  list=$host:$port,$host:$((port + 1)),$host:$((port + 2))
  for i in 0 1 2; do
    start_node "$folder" $((port + i)) "$atoll" --bind "$host" --port $((port + i)) --shards 2 \
      --dir "$folder/data/$i" --set "cluster.initial-nodes=$list"
  done
  wait_ready "$port" $((port + 1)) $((port + 2))
}

start_redis() {
  local folder=$1 keep=no i nodes=()
  if [ "$kind" = nodes ]; then keep=yes; fi
  for ((i = 0; i < masters; i++)); do
    mkdir -p "$folder/$i"
    # A node that never met another does not know its own address; ioredis ignores such a node.
    start_node "$folder" $((port + i)) redis-server --bind "$host" --port $((port + i)) \
      --dir "$folder/$i" --cluster-enabled yes --cluster-node-timeout 2000 \
      --cluster-announce-ip "$host" --save '' --appendonly "$keep" --enable-debug-command local
    nodes+=("$host:$((port + i))")
  done
  for ((i = 0; i < 100; i++)); do
    redis-cli -h "$host" -p $((port + masters - 1)) ping 2>/dev/null | grep -q PONG && break
    sleep 0.1
  done
  if ((masters == 1)); then
    redis-cli -h "$host" -p "$port" cluster addslotsrange 0 16383 >/dev/null
  else
    timeout 30 redis-cli --cluster create "${nodes[@]}" --cluster-yes >>"$folder/server.log"
  fi
  for ((i = 0; i < masters; i++)); do wait_ready $((port + i)); done
}

# stop_servers: asks first, 10 seconds at most, then forces. Fails if it had to force.
stop_servers() {
  local pid file deadline=$((SECONDS + 10)) forced=0
  # A node that has been restarted is another process.
  for file in "$server_folder"/*.pid; do
    if [ -e "$file" ]; then server_pids+=("$(<"$file")") && rm "$file"; fi
  done
  for pid in "${server_pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${server_pids[@]}"; do
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
    # The group, and also when its first process is gone: it may have left others behind.
    if kill -KILL -- "-$pid" 2>/dev/null; then forced=1; fi
    wait "$pid" 2>/dev/null || true
  done
  server_pids=()
  return "$forced"
}
