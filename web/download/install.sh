#!/bin/sh
# Installs the analyst's program from [[.]] for this user, after checking its SHA-256.
# Where: $ANALYST_BIN, else ~/.local/bin. Nothing else is changed.
set -eu

server='[[.]]'
folder=${ANALYST_BIN:-"$HOME/.local/bin"}

fail() { echo "install analyst: $*" >&2; exit 1; }
fetch() {
  if command -v curl >/dev/null 2>&1; then curl -fsSL "$1" -o "$2"
  elif command -v wget >/dev/null 2>&1; then wget -q "$1" -O "$2"
  else fail "curl or wget is needed"; fi
}
sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1" | cut -d' ' -f1
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 "$1" | cut -d' ' -f1
  else fail "sha256sum or shasum is needed to check the program"; fi
}

case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) fail "no program for $(uname -s); see $server/download/" ;;
esac
case $(uname -m) in
  x86_64|amd64) arch=amd64 ;;
  aarch64|arm64) arch=arm64 ;;
  *) fail "no program for $(uname -m); see $server/download/" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$server/download/SHA256SUMS" "$work/sums" || fail "$server cannot be reached"

name=
for candidate in "analyst-$os-$arch" "analyst-lite-$os-$arch"; do
  wanted=$(awk -v n="$candidate" '$2 == n {print $1}' "$work/sums")
  if [ -n "$wanted" ]; then name=$candidate; break; fi
done
[ -n "$name" ] || fail "this server has no program for $os/$arch; see $server/download/"

fetch "$server/download/$name" "$work/analyst" || fail "$name cannot be fetched"
found=$(sum "$work/analyst")
[ "$found" = "$wanted" ] || fail "the SHA-256 of $name is $found, expected $wanted: nothing was installed"

mkdir -p "$folder"
chmod 755 "$work/analyst"
cp "$work/analyst" "$folder/.analyst.new"
mv -f "$folder/.analyst.new" "$folder/analyst"
echo "installed $folder/analyst ($name, SHA-256 $wanted)"
case ":$PATH:" in
  *":$folder:"*) ;;
  *) echo "add it to your PATH: export PATH=\"$folder:\$PATH\"" ;;
esac
echo "next: analyst login $server"
