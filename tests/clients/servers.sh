# shellcheck shell=bash
# Starting and stopping the servers that the client scenarios talk to. Sourced by ./run.
#
# ATOLL_TEST_PEER=redis starts redis-server in Atoll's place: a scenario that fails there too is
# wrong itself. The scenarios then skip what only Atoll does.

host=127.0.0.1
server_pids=()
server_log=
atoll=
# Where the admin page is, if there is one.
admin_port=

# A port P such that P..P+2 are free, and P+10000..P+10002 too, where cluster buses listen. All stay
# below 32768: above it the system hands ports to outgoing connections, which could take ours.
free_ports() {
  python3 - "$host" <<'PY'
import random, socket, sys

def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((sys.argv[1], port))
            return True
        except OSError:
            return False

for base in random.sample(range(11000, 22000, 3), 200):
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
    until timeout 2 redis-cli -h "$host" -p "$port" cluster info 2>/dev/null |
      grep -q '^cluster_state:ok'; do
      for pid in "${server_pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || { echo "server ended at start"; return 1; }
      done
      ((SECONDS < deadline)) || { echo "port $port not ready in 30 s"; return 1; }
      sleep 0.1
    done
  done
}

# start_servers KIND FOLDER: KIND is "single" or "cluster". Sets $port and $masters.
start_servers() {
  local kind=$1 folder=$2
  server_pids=()
  server_log=$folder/server.log
  port=$(free_ports)
  masters=$([ "$kind" = single ] && echo 1 || echo 3)
  admin_port=
  mkdir -p "$folder"
  if [ "${ATOLL_TEST_PEER:-}" = redis ]; then
    start_redis "$folder"
  elif [ "$kind" = single ]; then
    admin_port=$((port + 2))
    start "$server_log" "$atoll" --bind "$host" --port "$port" --shards 4 --dir "$folder/data" \
      --set admin-port=$admin_port
    wait_ready "$port"
  else
    start "$server_log" "$atoll" demo-cluster --nodes 3 --port "$port" --dir "$folder/data"
    wait_ready "$port" $((port + 1)) $((port + 2))
  fi
}

start_redis() {
  local folder=$1 i nodes=()
  for ((i = 0; i < masters; i++)); do
    mkdir -p "$folder/$i"
    # A node that never met another does not know its own address; ioredis ignores such a node.
    start "$folder/server.log" redis-server --bind "$host" --port $((port + i)) --dir "$folder/$i" \
      --cluster-enabled yes --cluster-node-timeout 2000 --cluster-announce-ip "$host" --save ''
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
  local pid deadline=$((SECONDS + 10)) forced=0
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
