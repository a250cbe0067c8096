# shellcheck shell=bash
# Each suite: what it needs, and how it is run on $host:$port. Sourced by ../suites.
#
# Debian's source packages hold the suites of redis-server and phpredis, PyPI's source distributions
# those of redis-py and limits. What the suites print is turned into results by results.py.

suites_folder=$here/suites.d
limits_version=5.8.0

# Some run twice, with the same function.
suite_function() {
  case $1 in
    tcl-*) echo tcl ;;
    redis-py-*) echo redis_py ;;
    *) echo "${1//-/_}" ;;
  esac
}

# debian_source PACKAGE FOLDER: its source, unpacked. The lists of source packages are kept in
# $tools, so that the machine's own settings stay as they are.
debian_source() {
  local package=$1 folder=$tools/$2 apt=$tools/apt options
  if [ -e "$folder/complete" ]; then return; fi
  need dpkg-dev
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
  # Those of binary packages, and not those of source packages, which may be there, too.
  grep -lE '^Types: *deb( |$)' /etc/apt/sources.list.d/*.sources 2>/dev/null | xargs -r cat |
    sed 's/^Types: .*/Types: deb-src/' >"$apt/parts/source.sources"
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/parts/source.list" 2>/dev/null || true
  options=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$apt/parts"
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq
  rm -rf "$folder" "$apt/$package"
  mkdir "$apt/$package"
  (cd "$apt/$package" && apt-get "${options[@]}" source -qq --download-only "$package" &&
    dpkg-source --no-check -x ./*.dsc "$folder" >/dev/null)
  touch "$folder/complete"
}

# python_source PACKAGE VERSION: its source distribution, unpacked to $tools/PACKAGE-VERSION.
python_source() {
  local folder=$tools/$1-$2
  if [ -e "$folder/complete" ]; then return; fi
  rm -rf "$folder"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$tools/downloads" "$1==$2"
  tar -xzf "$tools/downloads/$1-$2.tar.gz" -C "$tools"
  touch "$folder/complete"
}

install_tcl() {
  need tcl procps
  debian_source redis redis-source
  mkdir -p "$tools/redis-source/tests/tmp"
  ln -sf /usr/bin/redis-cli /usr/bin/redis-benchmark "$tools/redis-source/src/"
}

# All units for a server that runs already. An exception fails its test and not the run; a test that
# hangs ends the run after two minutes, and then its unit lacks tests. Encodings are not compared: a
# test ends where it finds another one than 7.0 has, and would say nothing of what comes then.
run_tcl() {
  local arguments=() unit units
  cd "$tools/redis-source" || return
  units=$(./runtest --list-tests | grep '^unit')
  if [ -n "$quick" ]; then units=$quick_units; fi
  for unit in $units; do arguments+=(--single "$unit"); done
  if [ "$peer" = atoll ]; then
    "$suites_folder/results.py" skipped "$1" >"$scratch/$1/skip"
    arguments+=(--skipfile "$scratch/$1/skip")
  fi
  timeout --foreground 1500 ./runtest --host "$host" --port "$port" --cluster-mode --verbose \
    --durable --ignore-encoding --timeout 120 --tags -slow "${arguments[@]}"
}

install_redis_py() {
  python_folder redis-py-tests -r "$suites_folder/redis-py.txt"
  python_source redis "$redis_py_version"
}

run_redis_py() {
  local suite=$1 folder=$scratch/$1/tests without
  without='not onlynoncluster and not redismod and not fixed_client and not multidb_integration'
  without+=' and not ssl and not cp_integration and not replica'
  mkdir "$folder"
  cp -r "$tools/redis-$redis_py_version/"{tests,pyproject.toml} "$folder"
  cd "$folder" || return
  # Tracing each allocation makes the suite four times slower.
  sed -i 's/tracemalloc\.\(start\|stop\)()/pass/' tests/conftest.py
  timeout --foreground 900 "$python" -m pytest -q -p no:cacheprovider \
    tests/test_cluster.py tests/test_cluster_transaction.py \
    tests/test_asyncio/test_cluster_transaction.py tests/test_commands.py tests/test_scripting.py \
    tests/test_function.py tests/test_pubsub.py tests/test_pipeline.py tests/test_lock.py \
    tests/test_encoding.py \
    -m "$without" \
    --redis-url="redis://$host:$port/0" --redis-cluster-nodes=3 --protocol="${suite#*-resp}" \
    --tb=short -W ignore --junitxml="$log.xml"
}

install_phpredis() {
  need php-cli php-redis
  debian_source php-redis phpredis-source
}

run_phpredis() {
  local i
  cd "$tools"/phpredis-source/redis-5*/tests || return
  mkdir -p nodes
  for i in 0 1 2; do echo "$host:$((port + i))"; done >nodes/nodemap
  TEST_PHP_ARGS="-d session.gc_probability=0" timeout --foreground 300 php TestRedis.php \
    --class RedisCluster --host "$host" --port "$port" --nocolors
}

install_limits() {
  python_folder limits-tests -r "$suites_folder/limits.txt"
  python_source limits "$limits_version"
}

run_limits() {
  local folder=$scratch/$1/tests
  cp -r "$tools/limits-$limits_version" "$folder"
  cd "$folder" || return
  # The package that is tested is the installed one.
  rm -rf limits
  grep -rlE 'localhost(:|", )7001' tests |
    xargs sed -i "s#localhost:7001#$host:$port#g; s#\"localhost\", 7001#\"$host\", $port#g"
  PYTHONPATH=.:$suites_folder timeout --foreground 600 "$python" -m pytest -q -p no:cacheprovider \
    -p no_docker -o addopts= -m 'redis_cluster and not benchmark' -k 'not auth and not ssl' \
    --timeout 90 --tb=short -W ignore --junitxml="$log.xml" tests
}

install_bullmq() {
  npm_folder npm "${node_packages[@]}"
}

run_bullmq() {
  timeout --foreground 300 env --chdir="$node_folder" node "$here/bullmq.mjs" "$host" "$port" 3
}

install_redis_tools() {
  need redis-tools
}

run_redis_tools() {
  timeout --foreground 300 "$suites_folder/redis_tools.sh" "$host" "$port"
}
