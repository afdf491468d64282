#!/bin/sh
# The contacts service in one file: it unpacks itself once, into a folder of the user, and runs from there.
# The folder is @NAME@ in $CACHE_DIRECTORY, $XDG_CACHE_HOME/contacts-service or ~/.cache/contacts-service.
set -eu
umask 077
cache=${CACHE_DIRECTORY:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/contacts-service}
program=$cache/@NAME@/contacts
if [ ! -x "$program" ]; then
	fail() {
		echo "contacts: cannot unpack into $cache: make it writable, or set XDG_CACHE_HOME to another folder" >&2
		exit 2
	}
	mkdir -p "$cache" 2>/dev/null || fail
	# What a start that was killed has left there.
	find "$cache" -maxdepth 1 -name 'unpacking-*' -mmin +10 -exec rm -rf {} + 2>/dev/null || :
	partial=$(mktemp -d "$cache/unpacking-XXXXXX" 2>/dev/null) || fail
	trap 'rm -rf "$partial"' EXIT
	trap 'exit 143' INT TERM HUP
	tail -n +@LINES@ "$0" | tar -xzf - -C "$partial" 2>/dev/null || fail
	# Another start may have been quicker; both have unpacked the same.
	mv -T "$partial" "$cache/@NAME@" 2>/dev/null || [ -x "$program" ] || fail
	rm -rf "$partial"
	trap - EXIT INT TERM HUP
fi
CONTACTS_PROGRAM=$0 exec "$program" "$@"
# The archive follows.
