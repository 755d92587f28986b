# Shared by the scripts beside it; sourced, never run.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$repo/.tools

# What scripts/bootstrap installs without root comes before the system's.
PATH=$tools/go/bin:$tools/bin:$PATH
export PATH

say() { printf '\n== %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# python_of TARGET: the interpreter of a venv, of a conda environment, or the
# interpreter itself. Its own symlink is kept: resolved, it would be the base's.
python_of() {
    local target=$1 candidate
    if [ -d "$target" ]; then
        for candidate in python python3; do
            if [ -x "$target/bin/$candidate" ]; then
                printf '%s/bin/%s\n' "$(cd "$target" && pwd)" "$candidate"
                return
            fi
        done
        die "$target is not a venv: it has no bin/python (make one with: make venv)"
    fi
    if [ -f "$target" ] && [ -x "$target" ]; then
        printf '%s/%s\n' "$(cd "$(dirname "$target")" && pwd)" "$(basename "$target")"
        return
    fi
    die "there is no venv and no interpreter at $target (make a venv with: make venv)"
}

# target_python PYTHON ARGUMENTS…: runs scripts/target_python.py by that interpreter,
# whatever PYTHONPATH or PYTHONHOME say.
target_python() {
    local python=$1
    shift
    "$python" -E -s -B "$repo/scripts/target_python.py" "$@"
}

# as_root COMMAND…: runs it when we are root or may be without a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# apt_install PACKAGE…: installs Debian packages, or names the command that does.
apt_install() {
    local advice="sudo apt-get install $*"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3)
    command -v apt-get >/dev/null || die "missing: $*; install what your system calls it (on Debian: $advice)"
    say "installing $*"
    if ! as_root "${apt[@]}" install -y --no-install-recommends "$@" >&2; then
        as_root "${apt[@]}" update >&2 || die "missing: $*; install with: $advice"
        as_root "${apt[@]}" install -y --no-install-recommends "$@" >&2 ||
            die "missing: $*; install with: $advice"
    fi
}

# version_at_least HAVE WANT: dotted versions.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# need_node: has npm and a Node that the tests run with, or names what is missing.
need_node() {
    command -v npm >/dev/null || apt_install nodejs npm
    version_at_least "$(node --version | tr -d v)" 18 ||
        die "Node $(node --version) is too old for the tests; install 18 or newer"
}

# npm_install DIR: installs what DIR/package-lock.json pins into DIR/node_modules, once.
npm_install() {
    mkdir -p "$repo/build/locks"
    (
        flock 9
        cd "$repo/$1"
        cmp -s package-lock.json node_modules/.installed-from && exit
        say "installing what $1 needs from npm"
        npm ci --ignore-scripts --silent >&2
        cp package-lock.json node_modules/.installed-from
    ) 9>"$repo/build/locks/npm-$(basename "$1")"
}

# go_program PACKAGE VERSION: installs a Go program into .tools/bin, once, and says where.
go_program() {
    local name folder
    name=$(basename "$1")
    folder=$tools/bin/$name-$2
    if [ ! -x "$folder/$name" ]; then
        say "installing $name $2"
        GOFLAGS='' GOBIN=$folder go install "$1@$2" >&2
    fi
    printf '%s\n' "$folder/$name"
}

# go_test FLAG… PACKAGE…: go test, whose failures are told once more at the end.
# GOTESTSUM_FORMAT says how much is told of what passes: pkgname, testname, dots.
# SUITE_PYTHON names the venv whose Python is linked, where one is. What go vet says is
# left to scripts/lint, which asks it once, not for each Python.
go_test() {
    local gotestsum command
    gotestsum=$(go_program gotest.tools/gotestsum v1.13.0)
    command=("$gotestsum" --format "${GOTESTSUM_FORMAT:-pkgname}" -- -timeout=1h -vet=off "$@")
    [ -z "${SUITE_PYTHON:-}" ] || command=("$repo/scripts/with-python" "$SUITE_PYTHON" "${command[@]}")
    "${command[@]}"
}

# version_flags: the linker's flags that stamp the version and the commit.
version_flags() {
    # COMMIT is given where the sources come without their history (an image build).
    local commit=${COMMIT:-$(git -C "$repo" rev-parse --short HEAD 2>/dev/null || echo unknown)}
    if [ -z "${COMMIT:-}" ] && [ -n "$(git -C "$repo" status --porcelain 2>/dev/null)" ]; then
        commit=$commit-dirty
    fi
    printf -- '-X main.version=%s -X main.commit=%s' "$(cat "$repo/VERSION")" "$commit"
}

# preferred_python: what scripts/pythons says of the Python for tests that one is
# enough for: 3.12, else the newest.
preferred_python() {
    "$repo/scripts/pythons" | awk -F '\t' '{ newest = $0 } $1 == "cp312" { wanted = $0 } END { print wanted ? wanted : newest }'
}
