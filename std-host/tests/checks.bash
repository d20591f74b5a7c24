# Functions of the suites here that are written in bash, to be sourced: checks that are counted in `passed` and `failed`, and
# what these take. They leave the files `output`, `tried` and `said` in the current folder.
# shellcheck shell=bash disable=SC2034 # who sources this takes them

passed=0 failed=0

check() {
    local name=$1
    if "${@:2}" >output 2>&1; then
        echo "ok $name"
        ((++passed))
    else
        echo "FAILED $name"
        sed 's/^/    /' output
        ((++failed))
    fi
}

prints() {
    local printed
    printed=$("${@:2}")
    echo "$printed"
    [[ $printed == "$1" ]]
}

echoes() {
    prints hello wirelet connect "$@" <<<hello
}

refuses() {
    local said code=0
    said=$(wirelet connect "${@:2}" <<<hello 2>&1) || code=$?
    echo "$said (code $code)"
    [[ $code == 5 && $said == *" $1 "* ]]
}

ends_with() {
    local code=0
    "${@:2}" </dev/null || code=$?
    [[ $code == "$1" ]]
}

listens() {
    (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

eventually() {
    local deadline=$((SECONDS + 60))
    until "$@" >tried 2>&1; do
        if ((SECONDS >= deadline)); then
            cat tried
            return 1
        fi
        sleep 0.1
    done
}

# Prints so many that the system gives to nobody who asks for just any, as other programs do meanwhile.
free_ports() {
    python3 -c '
import random, socket, sys
def is_free(port):
    try: socket.create_server(("127.0.0.1", port)).close()
    except OSError: return False
    return True
with open("/proc/sys/net/ipv4/ip_local_port_range") as file: first, last = map(int, file.read().split())
ports = [port for port in range(10000, 65536) if not first <= port <= last]
print(*[port for port in random.sample(ports, 100) if is_free(port)][: int(sys.argv[1])])' "$1"
}

# Prints the path of a program of Debian's packages (by default, of its name), which are unpacked to a folder: installed,
# some would start as services.
unpacked() {
    local folder=$1/$2 program=$2 packages=("${@:3}")
    ((${#packages[@]} > 0)) || packages=("$program")
    [[ -e $folder/unpacked ]] || {
        "$root/.ci/unpack" "$folder" - "${packages[@]}" >&2
        touch "$folder/unpacked"
    }
    find "$folder" -path "*bin/$program" -type f
}

# Says how many checks ran, and fails unless all of so many passed: a suite that stops half-way must not pass.
conclude() {
    if ((passed + failed != $1)); then
        echo "$((passed + failed)) checks ran, $1 were expected"
        ((++failed))
    fi
    echo "$passed passed, $failed failed"
    ((failed == 0))
}
