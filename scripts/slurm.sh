#!/bin/sh
# Installs Debian's Slurm, munge and MariaDB, by name, where they are absent: the Slurm tests start them as private
# daemons in a temporary folder. Services that packages start by themselves are not wanted, and are kept from it.
set -eu
PACKAGES="slurm-wlm munge slurmdbd mariadb-server"
PATH="$PATH:/usr/sbin:/sbin"
for program in munged slurmdbd slurmctld slurmd mariadbd mariadb-install-db; do
    command -v "$program" >/dev/null || missing="${missing:-} $program"
done
[ -n "${missing:-}" ] || exit 0
how="install $PACKAGES, or set MATHFORGE_WITHOUT_SLURM=1 to leave the tests of Slurm out"
if [ -n "${MATHFORGE_WITHOUT_SLURM:-}" ]; then
    echo "note: the tests of Slurm are left out; there is no$missing" >&2
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "error: the tests of Slurm need$missing; $how" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    echo "error: the tests of Slurm need$missing, and this user cannot install packages; $how" >&2
    exit 1
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
    trap '$as_root rm -f "$policy"' EXIT
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $PACKAGES >/dev/null
