#!/bin/sh
# rootfs.sh PROGRAM_FOLDER TARGET: a root file system with the program, the libraries that it loads, and a user.
set -eu
program=$1 root=$2
mkdir -p "$root/opt" "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/data"
cp -r "$program" "$root/opt/contacts"
ln -s /opt/contacts/contacts "$root/usr/bin/contacts"
find "$program" -type f \( -name '*.so*' -o -name contacts \) -exec ldd {} + 2>/dev/null |
	sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | grep -v "$(realpath "$program")" | sort -u |
	while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
# Loaded by name when a thread ends.
gcc=$(ldconfig -p | sed -n 's/.*libgcc_s.so.1 .*=> //p' | head -n 1)
cp -L "$gcc" "$root$(dirname "$(find "$root" -name libc.so.6 | head -n 1 | sed "s|^$root||")")/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'contacts:x:10001:10001::/data:/nonexistent' >"$root/etc/passwd"
echo 'contacts:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod -R go=rX "$root/opt/contacts"
chmod 1777 "$root/tmp"
chmod 700 "$root/data"
chown 10001:10001 "$root/data"
