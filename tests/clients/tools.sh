# shellcheck shell=bash
# Installing what the scenarios and suites need, by name, and finding the server. Sourced.
#
# Everything but Debian's packages goes into $tools, never into the repository. A folder there is
# used only when its mark says that what fills it was finished.

tools=${TMPDIR:-/tmp}/atoll-clients

# Pinned, so that a new release of a client cannot turn a build red by itself.
redis_py_version=8.1.0
prometheus_client_version=0.26.0
dramatiq_version=2.2.1
ioredis_version=5.11.1
playwright_version=1.65.1
bullmq_version=6.7.0
node_packages=("ioredis@$ioredis_version" "bullmq@$bullmq_version" redis@6.3.1
  rate-limiter-flexible@11.4.0 redlock@4.2.0)

apt_install() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  echo "installing $*"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need PACKAGE...: of Debian, where they are missing.
need() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
      missing+=("$package")
  done
  if ((${#missing[@]} > 0)); then apt_install "${missing[@]}"; fi
}

# folder_for NAME PACKAGE...: $tools/NAME and a number that stands for the packages and versions, or
# for what stands in the file that names them.
folder_for() {
  local sum
  sum=$({ echo "$@" && cat "${@: -1}" 2>/dev/null || true; } | cksum)
  echo "$tools/$1-${sum%% *}"
}

# python_folder NAME PACKAGE...: a virtual environment with these packages. Sets $python.
python_folder() {
  local folder
  folder=$(folder_for "$@")
  shift
  python=$folder/bin/python
  if [ -e "$folder/complete" ]; then return; fi
  rm -rf "$folder"
  mkdir -p "$tools"
  # Debian keeps the part of Python that makes virtual environments in a package of its own.
  python3 -m venv "$folder" 2>/dev/null || { apt_install python3-venv && python3 -m venv "$folder"; }
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
  touch "$folder/complete"
}

# npm_folder NAME PACKAGE...: a folder with these packages. Sets $node_folder.
npm_folder() {
  node_folder=$(folder_for "$@")
  shift
  if [ -e "$node_folder/complete" ]; then return; fi
  command -v npm >/dev/null || apt_install npm
  rm -rf "$node_folder"
  mkdir -p "$node_folder"
  (cd "$node_folder" && npm init -y >/dev/null 2>&1 &&
    npm install --silent --no-audit --no-fund "$@")
  touch "$node_folder/complete"
}

# Sets $atoll, unless it is another server that is to be talked to.
find_atoll() {
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  if [ "${ATOLL_TEST_PEER:-}" = redis ]; then
    command -v redis-server >/dev/null || {
      echo "ATOLL_TEST_PEER=redis needs redis-server"
      exit 1
    }
    redis-server --version
    return
  fi
  if [ -n "${ATOLL_BIN:-}" ]; then
    atoll=$(realpath "$ATOLL_BIN")
  else
    (cd "$root" && cargo build -p node)
    atoll=${CARGO_TARGET_DIR:-$root/target}/debug/atoll
  fi
  "$atoll" --version
}
