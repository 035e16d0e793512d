# What has to be built, and what for; sourced after lib.sh with $root set.

web=$root/services/console/web

# at_least HAVE WANT: compares major.minor
at_least() { awk -v have="$1" -v want="$2" 'BEGIN { split(have, h, "."); split(want, w, "."); exit !(h[1] > w[1] || (h[1] == w[1] && h[2] + 0 >= w[2] + 0)) }'; }

needs_go() {
  has go || die "没有找到 Go，需要 1.26 或更新的版本：https://go.dev/dl/" "Go was not found; version 1.26 or later is needed: https://go.dev/dl/"
  local have
  have=$(cd "$root" && go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  at_least "$have" 1.26 || die "Go 的版本是 $have，需要 1.26 或更新的版本：https://go.dev/dl/" "Go is $have; version 1.26 or later is needed: https://go.dev/dl/"
}

needs_node() {
  has node && has npm || die "没有找到 Node.js 和 npm，需要 20 或更新的版本：https://nodejs.org/" "Node.js and npm were not found; version 20 or later is needed: https://nodejs.org/"
  at_least "$(node -p process.versions.node)" 20 || die "Node.js 的版本是 $(node -v)，需要 20 或更新的版本" "Node.js is $(node -v); version 20 or later is needed"
}

fetch_engines() { "$root/scripts/fetch-engines"; }

# fresh STAMP PATH…: the stamp is newer than all of the paths (folders too: a removed file changes its folder)
fresh() {
  local stamp=$1
  shift
  [ -e "$stamp" ] && [ -z "$(find "$@" \( -name node_modules -o -name dist \) -prune -o -newer "$stamp" -print | head -1)" ]
}

web_packages() {
  local stamp=$root/build/web-packages.stamp
  [ -d "$web/node_modules" ] && fresh "$stamp" "$web/package-lock.json" && return 0
  needs_node
  say "正在安装网页所需的包（只在清单变化时）" "Installing the web page's packages (only when their list has changed)"
  (cd "$web" && npm ci --no-audit --no-fund --loglevel=error) || die "网页所需的包没有装上；请检查网络或 npm 镜像" "The web page's packages could not be installed; check the network or the npm mirror"
  mkdir -p "$root/build" && touch "$stamp"
}

build_web() {
  local stamp=$root/build/web.stamp
  [ -e "$web/dist/index.html" ] && fresh "$stamp" "$web" && return 0
  web_packages
  say "正在构建网页（只在源文件变化时）" "Building the web page (only when its sources have changed)"
  (cd "$web" && npm run --silent build >"$root/build/web.log" 2>&1) || { tail -30 "$root/build/web.log" >&2; die "网页没有构建成功，见上" "The web page could not be built, see above"; }
  touch "$stamp"
}

build_tagwire() {
  mkdir -p "$root/build"
  (cd "$root" && go build -o build/tagwire ./services/tagwire) || die "没有构建成功，见上；如果是下载失败，请检查网络或 GOPROXY" "The build failed, see above; if a download failed, check the network or GOPROXY"
}
