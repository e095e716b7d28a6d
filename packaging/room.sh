# shellcheck shell=bash
# A Debian in a folder, for scripts that need a machine with nothing on it. Made by debootstrap, entered with mounts and
# processes of its own, which end with the command. Linux, root and debootstrap are needed.
#
#   room_make PLACE SUITE PACKAGE,PACKAGE,...   unless it is there
#   room_run PLACE COMMAND                      by bash; ROOM_SEES=(FROM:TO ...) names what is seen inside of it

# What can be set by environment about registries, and holds no secret and no place of this machine.
room_settings() {
    local name proxies='(https?|no|all|HTTPS?|NO|ALL)_(proxy|PROXY)$'
    local registries="^(CARGO_(REGISTRY|REGISTRIES|SOURCE|HTTP|NET)_|PIP_|$proxies)"
    for name in $(compgen -e); do
        [[ $name =~ $registries ]] || continue
        [[ $name == *TOKEN* || $name == *PASSWORD* || ${!name} == /* ]] || echo "$name=${!name}"
    done
}

# The way out of this machine: its names, the certificates that it trusts, and its settings of apt, cargo and pip.
room_connect() {
    local place=$1 file
    cp -L /etc/resolv.conf /etc/hosts "$place/etc/"
    mkdir -p "$place/etc/ssl/certs" "$place/etc/apt/apt.conf.d" "$place/root/.cargo"
    cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$place/etc/ssl/certs/ca-certificates.crt"
    for file in /etc/apt/apt.conf.d/*; do
        if grep -qiE '^ *Acquire' "$file"; then cp "$file" "$place/etc/apt/apt.conf.d/"; fi
    done
    for file in "${PIP_CONFIG_FILE:-}" /etc/pip.conf "${HOME}/.config/pip/pip.conf"; do
        if [[ -f $file ]]; then cat "$file"; echo; fi
    done >"$place/etc/pip.conf"
    for file in config config.toml; do
        if [[ -f ${CARGO_HOME:-$HOME/.cargo}/$file ]]; then
            cp "${CARGO_HOME:-$HOME/.cargo}/$file" "$place/root/.cargo/"
        fi
    done
}

room_make() {
    local place=$1 suite=$2 packages=$3
    if [[ ! -e $place/.room/made ]]; then
        command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; }
        if [[ -n $(ls -A "$place" 2>/dev/null) && ! -e $place/.room ]]; then
            echo "$place holds something else: name a folder that is empty or not there" >&2
            return 2
        fi
        # Half a room is made anew.
        rm -rf --one-file-system "$place"
        mkdir -p "$place/.room"
        debootstrap --variant=minbase --include="$packages" "$suite" "$place" >&2
        touch "$place/.room/made"
    fi
    room_connect "$place"
}

room_run() {
    local place=$1 command=$2 seen settings
    # shellcheck disable=SC2016  # the inner shell fills it in
    local script='set -e
        place=$1 command=$2 count=$3; shift 3
        mount --bind "$place" "$place" && cd "$place"
        for seen in "${@:1:count}"; do mkdir -p ".${seen#*:}" && mount --bind "${seen%%:*}" ".${seen#*:}"; done
        shift "$count"
        mount -t proc proc proc && mount --rbind /dev dev && mount --rbind /sys sys
        pivot_root . . && umount -l . && cd /
        exec /usr/bin/env -i "$@" /bin/bash -c "$command"'
    mapfile -t settings < <(room_settings)
    seen=("${ROOM_SEES[@]}")
    unshare --mount --pid --fork --kill-child --propagation private /bin/bash -c "$script" room \
        "$place" "$command" "${#seen[@]}" "${seen[@]}" "${settings[@]}" HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_TERM_COLOR=never DEBIAN_FRONTEND=noninteractive \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
}
