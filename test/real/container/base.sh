#!/usr/bin/env bash
# Makes the image that stands in for the official node:…-slim, because no image registry is reached: base.sh STORE IMAGE
# It has the essential packages of this Debian with their records, the Node of the development dependencies, and npm.
set -euo pipefail
store=${1:?} image=${2:?}
npm=11.21.2
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"

mapfile -t essential < <(dpkg-query --show --showformat='${Essential} ${binary:Package}\n' | sed -n 's/^yes //p')
packages=("${essential[@]}" libstdc++6 libgcc-s1 libatomic1 ca-certificates base-passwd)
mapfile -t all < <(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances "${packages[@]}" | grep -E '^[a-z0-9]' | sort -u)
mapfile -t installed < <(dpkg-query --show --showformat='${db:Status-Abbrev} ${binary:Package}\n' "${all[@]}" 2>/dev/null | sed -n 's/^ii  *//p' | sort -u)
# The image leaves out what the official one leaves out too.
# Packages name files in /bin, which is a link to /usr/bin.
for folder in bin sbin lib lib64; do
  mkdir -p "$root/usr/$folder"
  [ ! -L "/$folder" ] || ln -s "usr/$folder" "$root/$folder"
done
dpkg --listfiles "${installed[@]}" | grep -E '^/[^ ]+$' | grep -vE '^/s?bin$|^/lib(64)?$|^/usr/share/(man|locale|info|doc/.*/.*[^t]$)' | sort -u |
  while read -r file; do if [ -e "$file" ] || [ -L "$file" ]; then echo "${file#/}"; fi; done >"$work/files"
tar --create --directory=/ --no-recursion --files-from="$work/files" | tar --extract --directory="$root"
# The records of exactly these packages, as dpkg-query reads them.
mkdir -p "$root/var/lib/dpkg/info" "$root/tmp" "$root/proc" "$root/sys" "$root/dev" "$root/etc/ssl/certs"
chmod 1777 "$root/tmp"
dpkg-query --status "${installed[@]}" >"$root/var/lib/dpkg/status"
cp /var/lib/dpkg/info/format "$root/var/lib/dpkg/info/"
for package in "${installed[@]}"; do cp "/var/lib/dpkg/info/$package.list" "$root/var/lib/dpkg/info/"; done
cp --dereference /etc/os-release "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1000::/home/node:/bin/bash\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"
# awk and others are links of the alternatives.
cp --no-dereference --recursive /etc/alternatives "$root/etc/"

mkdir -p "$root/usr/local/bin" "$root/usr/local/lib"
install -m 755 node_modules/node/bin/node "$root/usr/local/bin/node"
# With another prefix npm would look for the settings of the machine (a CA, a proxy) in another place.
npm install --globalconfig "$(npm config get globalconfig)" --global --prefix "$root/usr/local" --loglevel=error "npm@$npm" >/dev/null
printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD ["node"]\n' >"$work/Dockerfile"
buildah --storage-driver vfs --root "$store/root" --runroot "$store/run" build --isolation chroot --pull-never --file "$work/Dockerfile" --tag "$image" "$root"
