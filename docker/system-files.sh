#!/bin/sh
# Copies what Node needs of this system into the folder that becomes the root of the image: docker/system-files.sh FOLDER
set -eu
root=${1:?}
node=/usr/local/bin/node

mkdir -p "$root/usr/local/bin" "$root/etc" "$root/var/lib/dpkg/status.d"
mkdir -m 1777 "$root/tmp"
cp "$node" "$root$node"
ln -s /outrigger/dist/main.js "$root/usr/local/bin/outrigger"
[ ! -f /usr/local/LICENSE ] || cp /usr/local/LICENSE "$root/usr/local/LICENSE"

# The C library resolves names and users itself. The files below say how; the order of its own choice would be DNS first.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'outrigger:x:1000:1000:Outrigger:/outrigger:/sbin/nologin' >"$root/etc/passwd"
echo 'outrigger:x:1000:' >"$root/etc/group"
cp -L /etc/os-release "$root/etc/os-release"

# Each library with the record of its package, from which vulnerability scanners know its version, and its licence.
ldd "$node" | grep -o '/[^ )]*' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
  dpkg-query --search "*/$(basename "$library")" | cut -d : -f 1
done | sort -u | while read -r package; do
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
