# Shared by the scripts of this folder; sourced, not run.

has() { command -v "$1" >/dev/null 2>&1; }

# say ZH EN: one line for people, Chinese first unless the locale is another language
say() {
  case ${LC_ALL:-${LC_MESSAGES:-${LANG:-zh}}} in
    en*) echo "tagwire: $2" >&2 ;;
    *) echo "tagwire: $1 / $2" >&2 ;;
  esac
}

die() { say "$@"; exit 1; }

# with_progress FOLDER MB COMMAND…: runs the command and shows how much of MB the folder holds, once a second on a
# terminal, every ten seconds in a log
with_progress() {
  local folder=$1 total=$2 every=10 end='\n' pid code=0 n=0
  shift 2
  [ -t 2 ] && every=1 end='\r'
  "$@" >/dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    n=$((n + 1))
    [ $((n % every)) -eq 0 ] && printf "tagwire: %s / %s MB$end" "$(($(du -sk "$folder" 2>/dev/null | cut -f1 || echo 0) / 1024))" "$total" >&2
  done
  wait "$pid" || code=$?
  [ -t 2 ] && printf '\n' >&2
  return $code
}

python() {
  local p
  for p in python3 python; do
    if has "$p" && "$p" -m pip --version >/dev/null 2>&1; then echo "$p"; return 0; fi
  done
  return 1
}

# pip_download FOLDER MB REQUIREMENT [option | --hash=…]…: one wheel into the folder
pip_download() {
  local folder=$1 mb=$2 line=$3 options=() p
  shift 3
  p=$(python) || return 1
  for option in "$@"; do
    case $option in --hash=*) line="$line $option" ;; *) options+=("$option") ;; esac
  done
  echo "$line" >"$folder/requirements.txt"
  with_progress "$folder" "$mb" "$p" -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary=:all: \
    ${options[@]+"${options[@]}"} -d "$folder" -r "$folder/requirements.txt"
}

unzip_to() { "$(python)" -m zipfile -e "$1" "$2"; }

# check_sha512 FILE BASE64
check_sha512() {
  local got
  got=$(node -e 'const h=require("crypto").createHash("sha512");require("fs").createReadStream(process.argv[1]).on("data",d=>h.update(d)).on("end",()=>console.log(h.digest("base64")))' "$1")
  [ "$got" = "$2" ] && return 0
  say "下载的文件 $(basename "$1") 与登记的校验和不符，已丢弃" "The downloaded $(basename "$1") does not have the recorded checksum and was dropped"
  return 1
}

# Segment's clients as they are published, for the tests that send through them: in the user's cache, shared by all clones
clients_dir() { echo "${TAGWIRE_CLIENTS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tagwire/clients}"; }

fetch_clients() {
  local dir=$(clients_dir) node=3.1.0 next=1.84.3 python=2.4.0 stamp work p
  stamp=$dir/$node-$next-$python
  [ -e "$stamp" ] && return 0
  has npm && p=$(python) || return 1
  mkdir -p "$dir" && work=$(mktemp -d "$dir/.fetching-XXXXXX") || return 1
  say "正在下载 Segment 的客户端（测试用，约 36 MB，只需一次）" "Downloading Segment's clients (for the tests, about 36 MB, once)"
  if with_progress "$work" 36 npm install --prefix "$work/npm" --no-audit --no-fund --loglevel=error --ignore-scripts "@segment/analytics-node@$node" "@segment/analytics-next@$next" &&
    with_progress "$work" 36 "$p" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/python" "segment-analytics-python==$python"; then
    rm -rf "$dir/npm" "$dir/python" && mv "$work/npm" "$work/python" "$dir" && touch "$stamp"
  fi
  rm -rf "$work"
  [ -e "$stamp" ]
}
