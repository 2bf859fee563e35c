#!/bin/sh
# Installs regnode below /opt/regnode and joins this host to its cluster. POSIX sh, with the tools of el7 (curl 7.29).
#
#   install.sh --gateway URL (--ca-file FILE | --ca-sha256 HASH) --artifact-key-sha256 HASH [more flags, see --help]
#
# Trust: this script itself was named by its sha256 in the line that started it (regnodectl token create). Everything that
# runs after it was named with its sha256 by a manifest that is signed by the key whose hash the caller gave. Nothing is unpacked before signature, expiry, serial and hash are right; neither gateway nor mirror changes that.
# Crash-safe: a release is unpacked beside the others and one rename of the link `current` puts it in use.
# Everything is inside main, called on the last line, so a script that arrives cut off does nothing at all.

usage() {
  cat <<'USAGE'
usage: install.sh --gateway URL (--ca-file FILE | --ca-sha256 HASH) --artifact-key-sha256 HASH [flags] [-- flags of "regnode join"]
       install.sh --uninstall [--purge] [--force]

  --gateway URL        the gateway, https://HOST[:PORT]                    REGNODE_GATEWAY
  --ca-file FILE       its CA, PEM                                         REGNODE_CA_FILE
  --ca-sha256 HASH     or the sha256 of that file, as /cacert gives it     REGNODE_CA_SHA256
  --artifact-key-sha256 HASH  of the key that signs the artifacts          REGNODE_ARTIFACT_KEY_SHA256
  --manifest-serial N  a manifest older than this one is refused           REGNODE_MANIFEST_SERIAL
  --token-file FILE    the join token; or the token itself in              REGNODE_TOKEN_FILE, REGNODE_TOKEN
  --name NAME          the node's name (default: the host's)               REGNODE_NAME
  --artifact-dir PATH  a store, or the tar made of one, on this host       REGNODE_ARTIFACT_DIR
  --mirror URL|cn      take the archives, not the trust, from there;       REGNODE_MIRROR (cn: REGNODE_MIRROR_CN)
                       several are tried in turn, then the gateway
  --rate-limit BYTES   per second: 500K, 10M                               REGNODE_RATE_LIMIT
  --dry-run            show what a join would change; nothing stays        REGNODE_DRY_RUN=1
  --no-join            install only                                        REGNODE_NO_JOIN=1
  --retry-seconds N    pause before a download is tried again (default 1)  REGNODE_RETRY_SECONDS
  --language en|zh     of the messages (default: from LANG)                REGNODE_LANG
  --root DIR           install below DIR, for making images; no join       REGNODE_ROOT
  --uninstall          leave the cluster and remove what was installed here
  --purge              and what the agent remembers (/etc/regnode, /var/lib/regnode)
  --force              leave even when the gateway can't be reached

exit: 0 done, 1 failed, 2 usage or not root, 3 preflight failed, 4 another run is at work, 5 not reachable or timed out
USAGE
}

main() {
  set -eu
  umask 022
  settle_environment
  started=$(date +%s)
  defaults
  # The token leaves the environment before any program is started.
  token=${REGNODE_TOKEN-}
  unset REGNODE_TOKEN
  while [ $# -gt 0 ]; do
    case $1 in
      --gateway | --ca-file | --ca-sha256 | --artifact-key-sha256 | --manifest-serial | --token-file | --name | --artifact-dir | --mirror | --rate-limit | --retry-seconds | --language | --root)
        [ $# -ge 2 ] || wrong_usage "$1 needs a value" "$1 需要一个值"
        set_option "$1" "$2"
        shift 2
        ;;
      --gateway=* | --ca-file=* | --ca-sha256=* | --artifact-key-sha256=* | --manifest-serial=* | --token-file=* | --name=* | --artifact-dir=* | --mirror=* | --rate-limit=* | --retry-seconds=* | --language=* | --root=*)
        set_option "${1%%=*}" "${1#*=}"
        shift
        ;;
      --dry-run) dry_run=1 && shift ;;
      --no-join) no_join=1 && shift ;;
      --json) json=1 && shift ;;
      --uninstall) action=uninstall && shift ;;
      --purge) purge=1 && shift ;;
      --force) force=1 && shift ;;
      -h | --help) usage && exit 0 ;;
      --) shift && break ;;
      *) wrong_usage "unknown argument: $1" "未知参数：$1" ;;
    esac
  done
  place
  check_usage
  check_root
  trap cleanup EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ "$action" = uninstall ]; then
    check_tools flock rm cmp find
    take_lock
    uninstall
    return
  fi
  check_tools tar gzip base64 openssl awk cut sed grep head tr sort df dd find mktemp flock cmp mv ln
  if [ -z "$artifact_dir" ] || [ -z "$ca_file" ]; then check_tools curl; fi
  take_lock
  private=$(mktemp -d "$(private_place)/regnode-install.XXXXXX" 2>/dev/null) || attempt mktemp -d "$(private_place)/regnode-install.XXXXXX"
  keep_token
  [ -n "$no_join$dry_run" ] || check_token
  trust_gateway
  trust_manifest
  find_release
  [ -n "$no_join$dry_run" ] || ask_about_token
  install_release
  join "$@"
}

# What a shell may carry that changes the ways of the programs below. The language is chosen before: messages stay in it.
settle_environment() {
  case ${REGNODE_LANG:-${REGNODE_LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG-}}}}} in
    # Chinese as it is written here is nonsense on a terminal of another character set.
    zh*.[Uu][Tt][Ff]*) language=zh ;;
    zh*.*) language=en ;;
    zh*) language=zh ;;
    *) language=en ;;
  esac
  unset CDPATH GREP_OPTIONS GREP_COLORS TAR_OPTIONS GZIP POSIXLY_CORRECT BLOCK_SIZE DF_BLOCK_SIZE BLOCKSIZE OPENSSL_CONF
  unset BASH_ENV ENV CURL_HOME NODE_OPTIONS
  LC_ALL=C
  export LC_ALL
  # A folder that is gone, or that cannot be written, is no place for anybody's temporary files.
  if [ -n "${TMPDIR-}" ] && { [ ! -d "$TMPDIR" ] || [ ! -w "$TMPDIR" ]; }; then unset TMPDIR; fi
}

defaults() {
  action=install
  gateway=${REGNODE_GATEWAY-}
  ca_file=${REGNODE_CA_FILE-}
  ca_sha256=${REGNODE_CA_SHA256-}
  artifact_key_sha256=${REGNODE_ARTIFACT_KEY_SHA256-}
  manifest_serial=${REGNODE_MANIFEST_SERIAL-}
  token_file=${REGNODE_TOKEN_FILE-}
  name=${REGNODE_NAME-}
  artifact_dir=${REGNODE_ARTIFACT_DIR-}
  mirrors=${REGNODE_MIRROR-}
  case $mirrors in *,*) mirrors=$(printf %s "$mirrors" | tr ',' ' ') ;; esac
  rate_limit=${REGNODE_RATE_LIMIT-}
  root=${REGNODE_ROOT-}
  retry_seconds=${REGNODE_RETRY_SECONDS:-1}
  dry_run='' no_join='' json='' purge='' force=''
  [ "${REGNODE_DRY_RUN-}" != 1 ] || dry_run=1
  [ "${REGNODE_NO_JOIN-}" != 1 ] || no_join=1
  # What cleanup has to undo; set as it comes about.
  private='' staging='' fresh='' made_opt='' writer='' locked='' probe=''
}

set_option() {
  case $1 in
    --gateway) gateway=$2 ;;
    --ca-file) ca_file=$2 ;;
    --ca-sha256) ca_sha256=$2 ;;
    --artifact-key-sha256) artifact_key_sha256=$2 ;;
    --manifest-serial) manifest_serial=$2 ;;
    --token-file) token_file=$2 ;;
    --name) name=$2 ;;
    --artifact-dir) artifact_dir=$2 ;;
    --mirror) mirrors="$mirrors $2" ;;
    --rate-limit) rate_limit=$2 ;;
    --root) root=$2 ;;
    --retry-seconds) retry_seconds=$2 ;;
    --language)
      case $2 in
        en | zh) language=$2 ;;
        *) wrong_usage "--language is en or zh, not $2" "--language 只能是 en 或 zh，而不是 $2" ;;
      esac
      ;;
  esac
}

# Every path that this script touches.
place() {
  root=${root%/}
  home=$root/opt/regnode
  unit=$root/etc/systemd/system/regnode.service
  command_link=$root/usr/local/bin/regnode
  sudo_link=$root/usr/bin/regnode
  configuration=$root/etc/regnode
  state=$root/var/lib/regnode
  recovery=$root/var/lib/.regnode.recovery
  lock=$root/run/regnode-install.lock
}

# ---------------------------------------------------------------------------------------------- what is said

# fail CODE EXIT MESSAGE REMEDY MESSAGE-ZH REMEDY-ZH: as the agent says it.
fail() {
  if [ "$language" = zh ]; then
    printf '[fail] %s: %s\n       → %s\n' "$1" "$5" "$6" >&2
  else
    printf '[fail] %s: %s\n       → %s\n' "$1" "$3" "$4" >&2
  fi
  exit "$2"
}

wrong_usage() {
  fail USAGE 2 "$1." 'See: install.sh --help' "$2。" '请查看：install.sh --help'
}

note() {
  if [ "$language" = zh ]; then printf 'regnode: %s\n' "$2" >&2; else printf 'regnode: %s\n' "$1" >&2; fi
}

# ------------------------------------------------------------------------------------------ before anything

check_usage() {
  case $root in
    '' | /*) ;;
    *) wrong_usage '--root must be an absolute path' '--root 必须是绝对路径' ;;
  esac
  [ -z "$root" ] || no_join=1
  case $retry_seconds in '' | *[!0-9]*) wrong_usage '--retry-seconds must be a number' '--retry-seconds 必须是数字' ;; esac
  [ "$action" = install ] || return 0
  gateway=${gateway%/}
  no_credential "$gateway" --gateway
  case $gateway in
    '') if [ -z "$artifact_dir" ] || [ -z "$no_join" ]; then wrong_usage '--gateway URL is missing' '缺少 --gateway URL'; fi ;;
    https://?*) ;;
    *) wrong_usage "--gateway must be https://HOST[:PORT], not $gateway" "--gateway 必须是 https://HOST[:PORT]，而不是 $gateway" ;;
  esac
  case ${gateway#https://} in
    *[!]A-Za-z0-9.:[_-]*) wrong_usage "--gateway must be https://HOST[:PORT], not $gateway" "--gateway 必须是 https://HOST[:PORT]，而不是 $gateway" ;;
  esac
  if [ -z "$ca_file" ] && [ -z "$ca_sha256" ] && [ -z "$artifact_dir" ]; then
    wrong_usage 'one of --ca-file and --ca-sha256 is needed' '需要 --ca-file 或 --ca-sha256'
  fi
  case $ca_sha256 in *[A-F]*) ca_sha256=$(printf %s "$ca_sha256" | tr 'A-F' 'a-f') ;; esac
  [ -z "$ca_sha256" ] || is_sha256 "$ca_sha256" || wrong_usage '--ca-sha256 must be 64 hexadecimal digits' '--ca-sha256 必须是 64 位十六进制数'
  case $artifact_key_sha256 in *[A-F]*) artifact_key_sha256=$(printf %s "$artifact_key_sha256" | tr 'A-F' 'a-f') ;; esac
  is_sha256 "$artifact_key_sha256" || wrong_usage '--artifact-key-sha256 with 64 hexadecimal digits is needed' '需要 --artifact-key-sha256（64 位十六进制数）'
  case $manifest_serial in
    *[!0-9]* | ????????????????*) wrong_usage "--manifest-serial must be a number, not $manifest_serial" "--manifest-serial 必须是数字，而不是 $manifest_serial" ;;
  esac
  if [ -n "$artifact_dir" ]; then
    [ -r "$artifact_dir" ] || wrong_usage "$artifact_dir cannot be read" "无法读取 $artifact_dir"
    # The agent looks there too, from its own working directory.
    case $artifact_dir in /*) ;; *) artifact_dir=$PWD/$artifact_dir ;; esac
  fi
  if [ -z "$no_join$dry_run" ]; then
    [ -n "$token$token_file" ] || wrong_usage 'the join token is missing (REGNODE_TOKEN or --token-file)' '缺少加入令牌（REGNODE_TOKEN 或 --token-file）'
    [ -n "$ca_file$ca_sha256" ] || wrong_usage 'a join needs --ca-file or --ca-sha256' '加入集群需要 --ca-file 或 --ca-sha256'
  fi
  [ -z "$token_file" ] || [ -r "$token_file" ] || wrong_usage "$token_file cannot be read" "无法读取 $token_file"
  [ -z "$ca_file" ] || [ -r "$ca_file" ] || wrong_usage "$ca_file cannot be read" "无法读取 $ca_file"
  check_mirrors
  case $rate_limit in
    *[!0-9]*[!0-9]* | [!0-9]* | *[!0-9KMGkmg]*) bad_rate=1 ;;
    *) bad_rate='' ;;
  esac
  [ -z "$bad_rate" ] || wrong_usage "--rate-limit is bytes per second such as 500K or 10M, not $rate_limit" "--rate-limit 是每秒字节数，例如 500K 或 10M，而不是 $rate_limit"
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) architecture=amd64 ;;
    Linux-aarch64) architecture=arm64 ;;
    *) fail PLATFORM_UNKNOWN 1 "There is no regnode for $(uname -s) on $(uname -m)." 'Use a Linux host with an x86-64 or arm64 processor.' \
      "没有适用于 $(uname -s) $(uname -m) 的 regnode。" '请使用 x86-64 或 arm64 的 Linux 主机。' ;;
  esac
}

check_mirrors() {
  given=$mirrors mirrors=''
  for mirror in $given; do
    [ "$mirror" != cn ] || mirror=${REGNODE_MIRROR_CN:-cn}
    no_credential "$mirror" --mirror
    case $mirror in
      http://?* | https://?*) mirrors="$mirrors ${mirror%/}" ;;
      cn) wrong_usage 'no address is known for the mirror "cn": set REGNODE_MIRROR_CN to its URL' '未配置镜像 cn 的地址：请将 REGNODE_MIRROR_CN 设为其 URL' ;;
      *) wrong_usage "--mirror must be a URL or cn, not $mirror" "--mirror 必须是 URL 或 cn，而不是 $mirror" ;;
    esac
  done
}

# user:password@ would stand in files and arguments that every user of the host reads. The value is not told again.
no_credential() {
  authority=${1#*://}
  case ${authority%%[/?#]*} in
    *@*) fail URL_CREDENTIAL 2 "The URL of $2 holds a user or a password." \
      'Give it without: regnode shows no credential to mirrors, and every user of the host could read this one.' \
      "$2 的 URL 中含有用户名或密码。" '请去掉：regnode 不向镜像站出示任何凭据，而主机上的任何用户都能读到它。' ;;
  esac
}

check_root() {
  # Below --root only files are written, and whether that is allowed shows then.
  [ -z "$root" ] || return 0
  [ "$(id -u)" = 0 ] || fail NOT_ROOT 2 "This command must be run as root (it runs as uid $(id -u))." 'Run it with sudo.' \
    "此命令需要 root 权限（当前 uid 为 $(id -u)）。" '请使用 sudo 运行。'
}

check_tools() {
  missing=''
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || fail TOOLS_MISSING 1 "These programs are missing:$missing." "Install them, for example: yum install$(packages)" \
    "缺少以下程序：$missing。" "请先安装，例如：yum install$(packages)"
}

# Which packages bring what is missing, each once.
packages() {
  packages=''
  for tool in $missing; do
    case $tool in
      flock) package=util-linux ;;
      cmp) package=diffutils ;;
      find) package=findutils ;;
      awk) package=gawk ;;
      tar | gzip | openssl | sed | grep | curl) package=$tool ;;
      *) package=coreutils ;;
    esac
    case " $packages " in *" $package "*) ;; *) packages="$packages $package" ;; esac
  done
  printf '%s' "$packages"
}

# The kernel drops the lock when this shell is gone, however it ended; the file goes with it (cleanup).
take_lock() {
  attempt mkdir -p "${lock%/*}"
  while :; do
    # Whoever may read the file may lock it, and keep everybody else out.
    (umask 077 && attempt touch "$lock") || exit 1
    exec 9>>"$lock"
    flock -n 9 || is_busy
    # The one who held it may have taken the file away in between: then this is a lock that nobody else sees.
    # shellcheck disable=SC3013 # not of POSIX, but of dash, bash and busybox
    if [ "$lock" -ef "/proc/$$/fd/9" ] || [ ! -d "/proc/$$" ]; then break; fi
  done
  chmod 600 "$lock"
  locked=1
  echo "$$" >"$lock"
}

is_busy() {
  holder=$(cat "$lock" 2>/dev/null) || holder=''
  fail BUSY 4 "Another regnode (install.sh, pid ${holder:-unknown}) is at work." 'Wait until it has ended.' \
    "另一个 regnode 正在运行（install.sh，pid ${holder:-未知}）。" '请等待其结束。'
}

# attempt COMMAND…: one that changes files. Its own words become one line with a remedy; what the loader says of other things doesn't.
attempt() {
  said=$("$@" 2>&1) && return 0
  said=$(printf '%s\n' "$said" | sed '/^ERROR: ld\.so:/d' | sed -n '1{s/[. ]*$//; p;}')
  fail HOST_REFUSED 1 "This host refuses a change: $said." \
    'Look at the file system there: is it mounted read-only (mount, dmesg), full (df, df -i), a file of it locked (lsattr), something else in the way? Then run the command again.' \
    "此主机拒绝更改：$said。" '请检查该处文件系统：是否只读（mount、dmesg）、已满（df、df -i）、文件被锁定（lsattr）或路径被占用。然后重试。'
}

# In memory where there is /run, so that the token is never on a disk.
private_place() {
  if [ -z "$root" ] && [ -d /run ] && [ -w /run ]; then echo /run; else echo "${TMPDIR:-/tmp}"; fi
}

keep_token() {
  [ -n "$token" ] || return 0
  token_file=$private/token
  (umask 077 && printf '%s\n' "$token" >"$token_file")
  token=''
}

# Before anything is downloaded. A gateway that doesn't know the question, or doesn't answer, decides nothing: the join will.
ask_about_token() {
  # One that has joined has nothing more to ask for.
  if [ -z "$token_file" ] || is_joined; then return 0; fi
  has_key=false
  [ ! -e "$state/identity/key.pem" ] || has_key=true
  printf '{"token":"%s","hasKey":%s}' "$(tr -d '[:space:]' <"$token_file")" "$has_key" >"$private/question"
  : >"$private/answer"
  (limit_file_size 4096 && exec curl -q --silent --proto =https --cacert "$ca" --connect-timeout 10 --max-time 30 --output "$private/answer" \
    --header 'content-type: application/json' --data-binary "@$private/question" "$gateway/v1/join/token" 2>/dev/null) || return 0
  entry=$(head -c 4096 "$private/answer" | tr -d '\n')
  code=$(field code | tr -dc A-Z_)
  id=$(field id | tr -dc a-z0-9) pool=$(field pool | tr -dc a-z0-9.-)
  case $code in
    TOKEN_INVALID) fail TOKEN_INVALID 1 "The join token $id is not known to this gateway." \
      'Copy the whole command again, or make a new token: regnodectl token create --pool POOL' \
      "网关不认识加入令牌 $id。" '请重新复制完整命令，或新建令牌：regnodectl token create --pool POOL' ;;
    TOKEN_EXPIRED) fail TOKEN_EXPIRED 1 "The join token $id expired at $(field expiredAt | tr -dc 0-9A-Z:.-)." \
      "Make a new one: regnodectl token create --pool $pool" \
      "加入令牌 $id 已于 $(field expiredAt | tr -dc 0-9A-Z:.-) 过期。" "请新建令牌：regnodectl token create --pool $pool" ;;
    TOKEN_USED_UP) fail TOKEN_USED_UP 1 "The join token $id has no use left." \
      "Make a new one: regnodectl token create --pool $pool --uses N" \
      "加入令牌 $id 的使用次数已用完。" "请新建令牌：regnodectl token create --pool $pool --uses N" ;;
    POOL_NOT_FOUND) fail POOL_NOT_FOUND 1 "There is no node pool $pool." 'See: regnodectl pool list' "没有节点池 $pool。" '请查看：regnodectl pool list' ;;
  esac
}

# Whether the token can be one at all: most often the command was not copied whole.
check_token() {
  [ -n "$token_file" ] || return 0
  if grep -q -x '[[:space:]]*rt-[a-z0-9]\{6\}\.[a-z0-9]\{32\}[[:space:]]*' "$token_file"; then return 0; fi
  letters=$(tr -d '[:space:]' <"$token_file" | wc -c)
  fail TOKEN_INVALID 1 "The join token is not whole: it has $((letters)) characters, and should be rt-, 6, a dot and 32." \
    'Copy the whole command again, or make a new token: regnodectl token create --pool POOL' \
    "加入令牌不完整：共 $((letters)) 个字符，应为 rt- 加 6 个字符、一个点和 32 个字符。" '请重新复制完整命令，或新建令牌：regnodectl token create --pool POOL'
}

# ---------------------------------------------------------------------------------------- from the gateway

trust_gateway() {
  ca=$private/ca.pem
  if [ -n "$ca_file" ]; then
    cat "$ca_file" >"$ca"
  elif [ -n "$ca_sha256" ]; then
    # Not trusted yet, only compared: a wrong answer is found by its hash.
    get "$gateway/cacert" "$ca" 65536 --insecure || not_reached "$gateway/cacert"
    ca_file=$gateway/cacert
  else
    return 0
  fi
  if [ -n "$ca_sha256" ]; then
    actual=$(sha256 "$ca")
    [ "$actual" = "$ca_sha256" ] || not_trusted "sha256 of $ca_file is $actual, expected $ca_sha256"
  fi
  openssl x509 -in "$ca" -noout 2>/dev/null ||
    fail CONFIGURATION_INVALID 2 "$ca_file is invalid: it holds no whole certificate in PEM." "Copy it again, from $gateway/cacert." \
      "$ca_file 无效：其中没有完整的 PEM 证书。" "请从 $gateway/cacert 重新复制。"
}

# The manifest, signed by the key that the caller named, still good, and not older than one that this host has seen. Its
# signatures go by its hash, so that a store which gets its next manifest between two requests is only asked again.
trust_manifest() {
  manifest=$private/manifest.json key=$private/artifact-key.pem
  take "$artifact_key_sha256.pem" "$key" 16384 || not_signed "the store has no key $artifact_key_sha256"
  actual=$(sha256 "$key")
  [ "$actual" = "$artifact_key_sha256" ] || not_signed "the key that was sent has the sha256 $actual, expected $artifact_key_sha256"
  for attempt_of_manifest in 1 2 3; do
    take manifest.json "$manifest" 4194304 || not_signed 'the store has no manifest.json'
    ! take "$(sha256 "$manifest").sig" "$private/signatures" 65536 || break
    [ "$attempt_of_manifest" != 3 ] || not_signed 'the store has no signature of it'
  done
  sed -n "s/^$artifact_key_sha256 //p" "$private/signatures" | head -n 1 | base64 -d >"$private/signature" 2>/dev/null || :
  openssl dgst -sha256 -verify "$key" -signature "$private/signature" "$manifest" >/dev/null 2>&1 ||
    not_signed "no signature by the key $artifact_key_sha256 is right"

  head=$(tr -d ' \t\r\n' <"$manifest" | tr '{' '\n' | sed -n '2p')
  entry=$head serial=$(field serial) expires=$(field expiresAt)
  case $serial in '' | *[!0-9]* | ????????????????*) bad_manifest serial ;; esac
  expiry=$(printf %s "$expires" | tr -dc 0-9)
  [ ${#expiry} -eq 14 ] || bad_manifest expiresAt
  now=$(date -u +%Y%m%d%H%M%S)
  [ "$now" -le "$expiry" ] || fail MANIFEST_EXPIRED 1 "The manifest of the artifacts expired at $expires; the clock here says $(date -u +%Y-%m-%dT%H:%M:%SZ)." \
    'Sign the artifact store again ("regnode-gateway bundle sign"), or set the clock of the host if it is wrong.' \
    "制品清单已于 $expires 过期；本机时间为 $(date -u +%Y-%m-%dT%H:%M:%SZ)。" '请重新签名制品库（regnode-gateway bundle sign）；若本机时钟有误，请校准时钟。'
  seen=$(grep -o '"serial": *[0-9]*' "$state/trust.json" 2>/dev/null | head -n 1 | tr -dc 0-9) || seen=''
  [ "$serial" -ge "${seen:-0}" ] || fail MANIFEST_ROLLED_BACK 1 "The manifest of the artifacts has the serial $serial, but this host has seen $seen already." \
    'Somebody offers an old state again. Serve the newest artifact store, or sign the old one anew: that gives it a higher serial.' \
    "制品清单的序号为 $serial，而此主机已见过 $seen。" '有人在提供旧的制品库。请提供最新的制品库；若确需旧版本，请重新签名以获得更高的序号。'
  [ "$serial" -ge "${manifest_serial:-0}" ] || fail MANIFEST_TOO_OLD 1 "The manifest of the artifacts has the serial $serial, older than $manifest_serial, which the join command names." \
    'Nothing was installed. Serve the newest artifact store, or export the tar again; if going back was meant, make a new command: regnodectl token create' \
    "制品清单的序号为 $serial，早于加入命令指定的 $manifest_serial。" '未安装任何内容。请提供最新的制品库，或重新导出 tar；若确需回退，请重新生成命令：regnodectl token create'
}

# take NAME FILE LIMIT-BYTES: a small file of the store; false when the store has none of that name.
take() {
  if [ -z "$artifact_dir" ]; then
    get "$gateway/artifacts/$1" "$2" "$3" --cacert "$ca" && return 0
    [ "$curl_code" = 22 ] || not_reached "$gateway/artifacts/$1"
    return 1
  fi
  member "$1" | head -c "$3" >"$2"
  [ -s "$2" ]
}

# A file of the store on this host: of a folder, or of the tar that was made of one.
member() {
  if [ -d "$artifact_dir" ]; then cat "$artifact_dir/$1" 2>/dev/null; else tar -xOf "$artifact_dir" "$1" 2>/dev/null; fi
}

not_signed() {
  fail MANIFEST_NOT_TRUSTED 1 "The manifest of the artifacts is not signed by a key that this host trusts: $1." \
    'Nothing was fetched or run. Sign the artifact store with its key ("regnode-gateway bundle sign"); if it is signed, somebody has changed it.' \
    "制品清单未由此主机信任的密钥签名：$1。" '未下载或运行任何内容。请用其密钥签名制品库（regnode-gateway bundle sign）；若已签名，则清单被人篡改。'
}

# Which archive of the agent this host needs: version, size, sha256 and place, from the verified manifest.
find_release() {
  # The schema allows neither spaces nor braces nor quotes inside a value, so one line per object is safe to read.
  entry=$(tr -d ' \t\r\n' <"$manifest" | tr '{' '\n' | grep '"component":"agent"' | grep "\"architecture\":\"$architecture\"" |
    sed -n 's/.*"version":"\([^"]*\)".*/\1 &/p' | sort -V | tail -n 1) || entry=''
  [ -n "$entry" ] || fail ARTIFACT_MISSING 1 "The gateway has no artifact agent for $architecture." \
    'Add it to the artifact store of the gateway.' "网关没有制品 agent（$architecture）。" '请把它加入网关的制品库。'
  version=$(field version) size=$(field sizeBytes) hash=$(field sha256) path=$(field path)
  archive=${path#/artifacts/}
  # Nothing of this may be more than a name and a number before it becomes part of a path or a command.
  case $version in '' | [!0-9A-Za-z]* | *[!0-9A-Za-z.+~_-]*) bad_manifest version ;; esac
  case $size in '' | *[!0-9]* | ????????????*) bad_manifest sizeBytes ;; esac
  case $path in /artifacts/?*) ;; *) bad_manifest path ;; esac
  case $archive in .* | *[!A-Za-z0-9._+~-]*) bad_manifest path ;; esac
  is_sha256 "$hash" || bad_manifest sha256
  release=$version-$(printf %.12s "$hash")
}

# The value of the last "NAME": in `entry`; by the shell itself, since a program more for each field takes longer than all else here.
field() {
  case $entry in *"\"$1\":"*) ;; *) return 0 ;; esac
  value=${entry##*"\"$1\":"} value=${value#\"} end='[",}]'
  # shellcheck disable=SC2295 # a pattern
  case $value in *$end*) printf '%s\n' "${value%%$end*}" ;; esac
}

bad_manifest() {
  fail PEER_ANSWER_UNKNOWN 1 "The manifest of the artifacts has no valid $1 for the agent." 'Use a gateway and an install.sh of the same release.' \
    "制品清单中 agent 的 $1 无效。" '请使用同一版本的网关与 install.sh。'
}

# get URL FILE LIMIT-BYTES [curl flags]: a small answer, three tries; leaves curl's exit code in `curl_code`.
get() {
  url=$1 target=$2 limit=$3
  shift 3
  for attempt in 1 2 3; do
    curl_code=0
    (limit_file_size "$limit" && exec curl -q --silent --show-error --fail --proto =https --connect-timeout 10 --max-time 60 "$@" \
      --output "$target" "$url" 2>"$private/curl") || curl_code=$?
    case $curl_code in
      0) return 0 ;;
      5 | 6 | 7 | 18 | 28 | 35 | 52 | 55 | 56) ! distrusts || return 1 ;;
      *) return 1 ;;
    esac
    [ "$attempt" = 3 ] || sleep $((attempt * retry_seconds))
  done
  return 1
}

not_reached() {
  detail=$(said_by_curl)
  ! distrusts || not_trusted "$detail"
  case $curl_code in
    22) fail ARTIFACT_DOWNLOAD_FAILED 1 "$1 could not be downloaded: $detail." 'Look at the log of the gateway.' \
      "$1 下载失败：$detail。" '请查看网关日志。' ;;
    *) fail GATEWAY_UNREACHABLE 5 "The gateway $gateway cannot be reached: $detail." \
      "Check the private line (Direct Connect or CCN), the route and the firewall: curl -vk $gateway/healthz" \
      "无法连接网关 $gateway：$detail。" "请检查专线（Direct Connect 或 CCN）、路由与防火墙：curl -vk $gateway/healthz" ;;
  esac
}

# A CA of the same name with another key shows as a failed handshake (35) rather than as a bad certificate.
distrusts() {
  case $curl_code in
    51 | 58 | 60 | 77 | 82 | 83 | 90) return 0 ;;
    # NSS (el7's curl) says first, always and of no importance, that it has no client certificate to show.
    35) grep -v -i 'client certificate not found' "$private/curl" | grep -qi -e certificate -e asn1 -e verif -e signature ;;
    *) return 1 ;;
  esac
}

not_trusted() {
  fail GATEWAY_NOT_TRUSTED 1 "The certificate of the gateway $gateway is not signed by the expected CA: $1." \
    'Copy the join command again from regnodectl; if it stays, somebody is on the path.' \
    "网关 $gateway 的证书不是由预期的 CA 签发：$1。" '请从 regnodectl 重新复制加入命令；若仍出现，链路上可能有人劫持。'
}

said_by_curl() {
  # The first line: what follows is curl's own advice, such as to look at nothing (-k). Before 7.76 it quotes the server,
  # whom nobody has verified yet: no letter of it may be a command to the terminal.
  said=$(sed -n '1{s/^curl: ([0-9]*) //; s/ *More details here:.*//; s/[. ]*$//; p;}' "$private/curl" | tr -dc ' -~' | cut -c 1-300)
  printf '%s' "${said:-curl ended with $curl_code}"
}

# --------------------------------------------------------------------------------------------- installing

install_release() {
  if [ -d "$home/bin" ] && [ ! -L "$home/bin" ]; then
    fail OTHER_INSTALLATION 1 "$home was not installed by install.sh (by the RPM?)." 'Keep using the package, or remove it first: rpm -e regnode' \
      "$home 不是由 install.sh 安装的（可能来自 RPM）。" '请继续使用软件包，或先卸载：rpm -e regnode'
  fi
  previous=''
  [ ! -L "$home/current" ] || previous=$(readlink "$home/current")
  # What a killed run left; we hold the lock.
  attempt rm -rf "$home"/releases/.staging.*
  if [ "$previous" = "releases/$release" ]; then
    note "regnode $version is installed already" "regnode $version 已安装"
  else
    [ -n "$previous" ] || fresh=1
    if [ ! -d "$home/releases/$release" ]; then
      check_room
      check_state_place
      unpack_release
    fi
    use_release
  fi
  put_unit
  put_command
}

# The archive and what comes out of it lie there together for a moment.
check_room() {
  needed=$((size * 4 / 1048576 + 32))
  existing=$home
  while [ ! -d "$existing" ]; do existing=${existing%/*} && existing=${existing:-/}; done
  [ "$(free_mebibytes)" -ge "$needed" ] || no_space
}

# Where the agent keeps what undoes a join, and containerd what containers run: found out before anything is fetched.
check_state_place() {
  needed=64
  existing=$root/var/lib
  while [ ! -d "$existing" ]; do existing=${existing%/*} && existing=${existing:-/}; done
  [ "$(free_mebibytes)" -ge "$needed" ] || no_space
  attempt mktemp -d "$existing/.regnode-install.XXXXXX"
  probe=$said
  printf '#!/bin/sh\n' >"$probe/probe"
  chmod 755 "$probe/probe"
  detail=$("$probe/probe" 2>&1) || fail PROGRAM_CANNOT_START 1 "No program can run under $existing: ${detail##*: }." "$(start_remedy "$existing")" \
    "$existing 下无法运行程序：${detail##*: }。" "$(start_remedy "$existing")"
  rm -rf "$probe"
  probe=''
}

free_mebibytes() {
  df -Pk "$existing" | awk 'NR == 2 { print int($4 / 1024) }'
}

no_space() {
  free=$(free_mebibytes)
  fail NO_SPACE 1 "There is not enough room under $existing: $free MiB free, $needed MiB needed." \
    'Free some room or mount a larger disk there, then run the command again.' \
    "$existing 空间不足：剩余 $free MiB，需要 $needed MiB。" '请清理空间或挂载更大的磁盘后重试。'
}

unpack_release() {
  staging=$home/releases/.staging.$$
  [ -d "${home%/*}" ] || made_opt=1
  attempt mkdir -p "$staging/tree"
  file=$staging/archive
  check_executable
  fetch_archive
  write_meanwhile
  tar -xzf "$file" -C "$staging/tree" --no-same-owner 2>"$private/tar" || broken=1
  stop_writing
  if [ -n "$broken" ]; then
    # What is free is a guess while others write; tar has seen it.
    if grep -qE 'No space left|Wrote only' "$private/tar" || [ "$(free_mebibytes)" -eq 0 ]; then no_space; fi
    detail=$(head -n 1 "$private/tar")
    fail UNPACK_FAILED 1 "The artifact $archive could not be unpacked: $detail." 'Check the disk under /opt and run the command again.' \
      "制品 $archive 解压失败：$detail。" '请检查 /opt 所在磁盘后重试。'
  fi
  check_program
  chmod 755 "$staging/tree"
  rm -f "$file" # not written to the disk only to be removed
  # On the disk before the link may point there, whatever happens to the power.
  sync -f "$staging/tree" 2>/dev/null || each_to_disk "$staging/tree" || no_disk
  attempt mv -T "$staging/tree" "$home/releases/$release"
  rm -rf "$staging"
  staging=''
}

# The large file goes to the disk while it is decompressed, so that little is left to wait for.
write_meanwhile() {
  broken=''
  (
    while sleep 0.1 && kill -0 "$$"; do to_disk "$staging/tree/bin/node" || :; done 9>&- >/dev/null 2>&1
  ) &
  writer=$!
}

# By its own loader, before anything uses it: a library that this host loads into every program need not go with it.
check_program() {
  loader=$staging/tree/lib/ld-linux-x86-64.so.2
  [ -f "$loader" ] || return 0
  ! "$loader" --library-path "$staging/tree/lib" "$staging/tree/bin/node" --version >/dev/null 2>"$private/program" || return 0
  # What the loader only warns of stands before what has stopped it.
  detail=$(tail -n 1 "$private/program")
  fail PROGRAM_CANNOT_START 1 "The program of regnode does not start on this host: ${detail:-it ended without a word}." "$(start_remedy)" \
    "regnode 的程序无法在此主机启动：${detail:-无任何输出}。" "$(start_remedy)"
}

# Before anything is fetched: may a program lie there at all?
check_executable() {
  printf '#!/bin/sh\n' >"$staging/probe"
  chmod 755 "$staging/probe"
  detail=$("$staging/probe" 2>&1) || fail PROGRAM_CANNOT_START 1 "No program can run under $home: ${detail##*: }." "$(start_remedy)" \
    "$home 下无法运行程序：${detail##*: }。" "$(start_remedy)"
  rm -f "$staging/probe"
}

# start_remedy [PLACE]
start_remedy() {
  preload=$(tr '\n' ' ' 2>/dev/null </etc/ld.so.preload) || preload=''
  preload=${preload% }${LD_PRELOAD:+ LD_PRELOAD=$LD_PRELOAD}
  if [ -n "$preload" ]; then
    if [ "$language" = zh ]; then echo "此主机为每个程序加载 $preload（/etc/ld.so.preload）：请向其供应商获取适用于 glibc 2.36 的版本，或将其移除。"; else
      echo "This host loads $preload into every program (/etc/ld.so.preload): ask its vendor for one that goes with glibc 2.36, or take it out."
    fi
  elif [ "$language" = zh ]; then echo "请检查 ${1:-/opt} 所在文件系统的挂载选项（noexec）与主机的安全策略。"; else
    echo "Look at how the file system of ${1:-/opt} is mounted (noexec), and at the security policy of the host."
  fi
}

# One file. coreutils before 8.24 syncs the whole machine for `sync FILE`, and waits for ever where an NFS server is gone.
to_disk() {
  dd if=/dev/null of="$1" conv=nocreat,notrunc,fsync 2>/dev/null
}

# Without syncfs: a file is written with the names that lead to it.
each_to_disk() {
  find "$1" -type f -print >"$private/files"
  while IFS= read -r file_of_tree; do
    to_disk "$file_of_tree" || return 1
  done <"$private/files"
}

no_disk() {
  fail DISK_ERROR 1 "$file_of_tree cannot be written to the disk." 'Look at the kernel log (dmesg) and at the disk under /opt.' \
    "$file_of_tree 无法写入磁盘。" '请查看内核日志（dmesg）以及 /opt 所在磁盘。'
}

stop_writing() {
  [ -n "$writer" ] || return 0
  kill "$writer" 2>/dev/null || :
  wait "$writer" 2>/dev/null || :
  writer=''
}

# From the bundle on this host, the mirrors in turn, the gateway; one that gives wrong bytes or has none is not asked again.
# What one has brought the next goes on with, unless the whole turns out to be wrong: then it begins anew with the next.
# Where another can be asked, each has to bring 16 KiB/s, and at most as long as at 64 KiB/s; the last may be slower.
fetch_archive() {
  places="$mirrors${gateway:+ gateway}"
  [ -z "$artifact_dir" ] || places="bundle $places"
  failures=0 refusal='' slow=1
  # Our own limit makes nobody slow.
  case $rate_limit in '' | *[KMGkmg]) ;; *) [ "$rate_limit" -ge 131072 ] || slow=8 ;; esac
  case $rate_limit in *[Kk]) [ "${rate_limit%?}" -ge 128 ] || slow=8 ;; esac
  # As long as at 16 KiB/s, whatever drips there.
  deadline=$(($(date +%s) + 600 + size / 16384))
  : >"$file"
  while [ -n "$places" ]; do
    before=$(size_of "$file") left=''
    for place in $places; do
      if [ "$place" = "${places##* }" ]; then
        pace=1000 seconds=$((600 + size / 16384))
      else
        pace=$((16384 / slow)) seconds=$((60 + size * slow / 65536))
      fi
      begun=$(size_of "$file")
      ! fetch_from "$place" || return 0
      # What lay there before may have been the wrong part: once more, all of it from this place.
      [ -z "$spoilt" ] || [ "$begun" -eq 0 ] || ! fetch_from "$place" || return 0
      [ -n "$spoilt" ] || [ "$usable" != yes ] || left="$left $place"
    done
    places=$left
    [ -n "$places" ] || break
    if [ "$(size_of "$file")" -gt "$before" ]; then failures=1; else failures=$((failures + 1)); fi
    if [ "$failures" -ge 4 ] || [ "$(date +%s)" -ge "$deadline" ]; then break; fi
    pause "$failures"
  done
  [ "$refusal" != hash ] || fail ARTIFACT_HASH_WRONG 1 "The artifact $archive is not what it should be: sha256 $actual, expected $hash." \
    'Nothing of it was installed. Repair the artifact store (or the mirror) and run the command again.' \
    "制品 $archive 校验失败：sha256 为 $actual，应为 $hash。" '未安装其中任何内容。请修复制品库（或镜像站）后重试。'
  [ "$refusal" != missing ] || fail ARTIFACT_MISSING 1 "There is no $archive in $artifact_dir." 'Copy the whole bundle again.' \
    "$artifact_dir 中没有 $archive。" '请重新复制整个制品包。'
  [ "$refusal" != trust ] || not_trusted "$detail"
  fail ARTIFACT_DOWNLOAD_FAILED 1 "The artifact $archive could not be downloaded: $detail." 'Check the private line and run the command again.' \
    "制品 $archive 下载失败：$detail。" '请检查专线后重试。'
}

# fetch_from bundle|gateway|URL: true when the archive is whole and right; `spoilt` when it was whole and wrong, and is gone.
fetch_from() {
  spoilt=''
  if [ "$1" = bundle ]; then copy_from_bundle; else download_from "$1"; fi
  [ "$(size_of "$file")" -ge "$size" ] || return 1
  actual=$(sha256 "$file")
  [ "$actual" != "$hash" ] || return 0
  refusal='hash' spoilt=yes
  : >"$file"
  return 1
}

# A copy: what is unpacked is what was hashed, whoever writes there meanwhile.
copy_from_bundle() {
  usable=no
  member "$archive" | head -c "$((size + 1))" >"$file" || no_space
  [ -s "$file" ] || refusal=missing
}

# download_from gateway|URL: leaves whether asking again makes sense in `usable`, and what went wrong in `detail`.
download_from() {
  usable=yes
  have=$(size_of "$file")
  if [ "$1" = gateway ]; then
    from=$gateway/artifacts
    set -- --proto =https --cacert "$ca"
  else
    from=$1
    # A line that says https stays that, wherever the mirror sends us.
    case $from in https://*) followed='=https' ;; *) followed='=http,https' ;; esac
    set -- --location --max-redirs 5 --proto =http,https --proto-redir "$followed"
  fi
  [ -z "$rate_limit" ] || set -- "$@" --limit-rate "$rate_limit"
  note "downloading regnode $version ($((size / 1048576)) MiB) from $from" "正在从 $from 下载 regnode $version（$((size / 1048576)) MiB）"
  curl_code=0
  (limit_file_size "$size" && exec curl -q --silent --show-error --fail --connect-timeout 10 --max-time "$seconds" --speed-limit "$pace" --speed-time 30 "$@" \
    --continue-at "$have" --output "$file" "$from/$archive" 2>"$private/curl") || curl_code=$?
  # 33: the server can't go on in the middle.
  [ "$curl_code" != 33 ] || : >"$file"
  [ "$(size_of "$file")" -lt "$size" ] || return 0
  [ "$curl_code" != 0 ] || echo "it ends after $(size_of "$file") of $size bytes" >"$private/curl"
  detail=$(said_by_curl)
  [ "$refusal" != missing ] || refusal=''
  [ "$curl_code" != 22 ] || usable=no
  if distrusts; then
    usable=no
    [ "$from" != "$gateway/artifacts" ] || refusal=trust
  fi
}

# Full jitter: hosts that lost the same gateway at the same moment don't come back at the same moment.
pause() {
  sleep "$(awk -v most="$((retry_seconds * (1 << $1)))" -v seed="$$$(date +%N)" 'BEGIN { srand(seed); printf "%.2f", rand() * most }')"
}

# A server that never stops sending must not fill the disk; twice the size at most (shells count in different blocks).
limit_file_size() {
  ulimit -f $(($1 / 512 + 16)) 2>/dev/null || :
}

# The outer links first; they lead nowhere until `current` does, and that is one rename.
use_release() {
  for part in bin lib app LICENSES VERSION install.sh uninstall.sh; do
    link "current/$part" "$home/$part"
  done
  link "releases/$release" "$home/current"
  # The one before stays: the running agent may still load a piece of it, and it is the way back.
  for old in "$home"/releases/*; do
    case releases/${old##*/} in
      "releases/$release" | "$previous") ;;
      *) rm -rf --one-file-system "$old" ;;
    esac
  done
  note "regnode $version is installed in $home" "regnode $version 已安装到 $home"
}

link() {
  [ ! -L "$2" ] || [ "$(readlink "$2" 2>/dev/null)" != "$1" ] || return 0
  if [ -e "$2.new" ] || [ -L "$2.new" ]; then attempt rm -f "$2.new"; fi
  # Where nothing is, there is nothing to replace.
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then attempt ln -s "$1" "$2" && return 0; fi
  attempt ln -s "$1" "$2.new"
  attempt mv -T "$2.new" "$2"
}

put_unit() {
  wanted=$home/releases/$release/systemd/regnode.service
  changed=''
  if ! cmp -s "$wanted" "$unit"; then
    attempt mkdir -p "${unit%/*}"
    attempt cp "$wanted" "$unit.new"
    attempt mv -T "$unit.new" "$unit"
    changed=1
  fi
  systemd_runs || return 0
  [ -z "$changed" ] || systemctl daemon-reload
  if [ -n "$previous" ] && [ "$previous" != "releases/$release" ]; then
    # An agent of the release before is replaced; one that doesn't run is not started.
    systemctl try-restart regnode.service
  fi
}

put_command() {
  put_command_at "$command_link"
  # RHEL's sudo looks for commands in /sbin, /bin, /usr/sbin and /usr/bin alone.
  ! sudo_passes_over "${command_link%/*}" || put_command_at "$sudo_link"
}

put_command_at() {
  [ -d "${1%/*}" ] || return 0
  if [ -e "$1" ] && [ ! -L "$1" ]; then
    note "$1 is not ours and stays; use $home/bin/regnode" "$1 不属于 regnode，保持不变；请使用 $home/bin/regnode"
    return 0
  fi
  link /opt/regnode/bin/regnode "$1"
}

sudo_passes_over() {
  path_of_sudo=$(sed -n 's/^[[:space:]]*Defaults[[:space:]]*secure_path[[:space:]]*=[[:space:]]*//p' "$root/etc/sudoers" 2>/dev/null | tail -n 1 | tr -d '"')
  [ -n "$path_of_sudo" ] || return 1
  case ":$path_of_sudo:" in *":${1#"$root"}:"*) return 1 ;; esac
}

systemd_runs() {
  [ -z "$root" ] && [ -d /run/systemd/system ]
}

# ------------------------------------------------------------------------------------------------- joining

join() {
  if [ -n "$no_join" ]; then
    fresh=''
    took=$(($(date +%s) - started))
    note "done in $took s; not joined" "完成，用时 $took 秒；未加入集群"
    return 0
  fi
  for mirror in $mirrors; do set -- "$@" --mirror "$mirror"; done
  [ -z "$artifact_dir" ] || set -- --artifact-dir "$artifact_dir" "$@"
  [ -z "$rate_limit" ] || set -- --rate-limit "$rate_limit" "$@"
  [ -z "$name" ] || set -- --name "$name" "$@"
  [ -z "$manifest_serial" ] || set -- --manifest-serial "$manifest_serial" "$@"
  [ -z "$json" ] || set -- --json "$@"
  [ -z "$dry_run" ] || set -- --dry-run "$@"
  [ -z "$token_file" ] || set -- --token-file "$token_file" "$@"
  code=0
  # Not exec: a refused join on a fresh host takes the payload away again. The lock is ours alone.
  REGNODE_LANG=$language REGNODE_LANGUAGE=$language "$home/bin/regnode" join --gateway "$gateway" --ca-file "$ca" --artifact-key-sha256 "$artifact_key_sha256" "$@" </dev/null 9>&- || code=$?
  if [ -z "$dry_run" ] && { [ "$code" = 0 ] || is_joined; }; then
    fresh=''
  fi
  if [ "$code" != 0 ] && is_joined; then
    note 'what has been done stays: run the same command again to go on, or undo it with: regnode leave --force' \
      '已完成的部分予以保留：重新运行同一命令可继续，或用 regnode leave --force 撤销'
  fi
  exit "$code"
}

# Registered, or something on the host was changed.
is_joined() {
  [ -e "$state/state.json" ] || [ -e "$state/journal" ] || [ -e "$recovery/journal" ] || [ -e "$configuration/agent.json" ]
}

# ---------------------------------------------------------------------------------------------- taking away

uninstall() {
  if [ -d "$home/bin" ] && [ ! -L "$home/bin" ]; then
    fail OTHER_INSTALLATION 1 "$home was not installed by install.sh (by the RPM?)." 'Remove the package: rpm -e regnode' \
      "$home 不是由 install.sh 安装的（可能来自 RPM）。" '请卸载软件包：rpm -e regnode'
  fi
  if is_joined; then
    if [ -x "$home/bin/regnode" ]; then
      set --
      [ -z "$force" ] || set -- --force --recover
      code=0
      REGNODE_LANG=$language REGNODE_LANGUAGE=$language "$home/bin/regnode" leave "$@" </dev/null 9>&- || code=$?
      [ "$code" = 0 ] || exit "$code"
    elif [ -z "$force" ]; then
      fail LEAVE_IMPOSSIBLE 1 'This host has joined a cluster, but the program that could take it out is gone.' \
        'Install regnode again (--no-join) and then uninstall, or use --force to leave everything else as it is.' \
        '此主机已加入集群，但用于退出的程序已不存在。' '请先重新安装（--no-join）再卸载，或使用 --force 跳过退出步骤。'
    fi
  fi
  remove_payload
  if [ -n "$purge" ]; then
    for memory in "$configuration" "$state" "$root"/var/lib/.regnode.new* "$root"/var/lib/.regnode.removed "$recovery"; do forget "$memory"; done
  fi
  note 'regnode is removed from this host' 'regnode 已从此主机移除'
}

# A folder may be a link to another disk, or a mount: what is in it goes, the link or the mount is its owner's.
forget() {
  if [ ! -d "$1" ]; then rm -f "$1" && return 0; fi
  attempt find "$1/" -xdev -mindepth 1 -delete
  [ -L "$1" ] || rmdir "$1" 2>/dev/null || :
}

# Exactly what install_release put there; the folder itself only when nothing else is in it.
remove_payload() {
  if [ -e "$unit" ]; then
    ! systemd_runs || systemctl --quiet stop regnode.service || :
    rm -f "$unit"
    ! systemd_runs || systemctl daemon-reload
  fi
  for place_of_link in "$command_link" "$sudo_link"; do
    [ "$(readlink "$place_of_link" 2>/dev/null)" != /opt/regnode/bin/regnode ] || rm -f "$place_of_link"
  done
  for part in current bin lib app LICENSES VERSION install.sh uninstall.sh; do
    [ ! -L "$home/$part" ] || rm -f "$home/$part"
  done
  rm -rf --one-file-system "$home/releases"
  [ ! -d "$home" ] || rmdir "$home" 2>/dev/null || [ -z "$(ls -A "$home")" ] || note "$home is not empty and stays" "$home 非空，予以保留"
}

cleanup() {
  code=$?
  trap - EXIT HUP INT TERM
  stop_writing
  [ -z "$staging" ] || rm -rf "$staging"
  [ -z "$probe" ] || rm -rf "$probe"
  # Ended by a signal while it waits for Ready, the join has happened: then its program must stay.
  if [ -n "$fresh" ] && ! is_joined; then
    remove_payload
    [ -n "$dry_run" ] || note 'nothing was joined: the host is as before' '未加入集群：主机已恢复原状'
  elif [ -d "$home" ] && [ ! -L "$home/current" ]; then
    # Failed before anything was in use.
    rmdir "$home/releases" "$home" 2>/dev/null || :
  fi
  [ -z "$made_opt" ] || [ -d "$home" ] || rmdir "${home%/*}" 2>/dev/null || :
  [ -z "$private" ] || rm -rf "$private"
  # While it is held: who comes next makes one of its own.
  [ -z "$locked" ] || rm -f "$lock"
  exit "$code"
}

# ---------------------------------------------------------------------------------------------- small words

# With the processor's own instructions where it has them; a coreutils of its own has not.
sha256() {
  hashed=$(openssl dgst -sha256 -r <"$1") || :
  printf '%s\n' "${hashed%% *}"
}

is_sha256() {
  case $1 in
    *[!0-9a-f]*) return 1 ;;
  esac
  [ ${#1} -eq 64 ]
}

size_of() {
  if [ -f "$1" ] && [ -s "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi
}

main "$@"
