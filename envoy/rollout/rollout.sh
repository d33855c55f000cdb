#!/bin/sh
# Puts a bundle into force on a running Envoy, one reversible step at a time.
#
#   rollout.sh begin BUNDLE    the first bundle
#   rollout.sh stage BUNDLE    a new bundle rides along as the candidate: it is asked, and has no say
#   rollout.sh observe         what the candidate would decide otherwise in live traffic
#   rollout.sh promote         the candidate is put into force
#   rollout.sh rollback        the bundle before it is put back into force; a candidate is dropped
#   rollout.sh status          what is in force, what was, and what Envoy says
#
# BUNDLE is a bundle's directory or a document that `toolgate build` wrote. Where everything is:
#
#   TOOLGATE_ECDS       the file that Envoy watches                       (required)
#   TOOLGATE_WASM       the filter, as a path on Envoy's machine          (required)
#   TOOLGATE_ADMIN      Envoy's admin interface                           http://127.0.0.1:9901
#   TOOLGATE_LOG        the decision log                                  decisions.ndjson
#   TOOLGATE_RELEASES   where built bundles and the history are kept      releases
#   TOOLGATE_TRUST      what the filter demands of bundles (trust.yaml)   nothing
#   TOOLGATE_BUILD      further options of `toolgate build`, such as `--environment production`
set -eu

admin=${TOOLGATE_ADMIN:-http://127.0.0.1:9901}
log=${TOOLGATE_LOG:-decisions.ndjson}
releases=${TOOLGATE_RELEASES:-releases}
# The history: one built document per line, the one in force last.
history=$releases/history
candidate=$releases/candidate
counters=extension_config_discovery.http_filter.toolgate

main() {
	command=${1:-help}
	[ $# -eq 0 ] || shift
	case $command in
	begin) begin "$@" ;;
	stage) stage "$@" ;;
	observe) observe ;;
	promote) promote ;;
	rollback) rollback ;;
	status) status ;;
	*) sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' "$0" >&2 && exit 3 ;;
	esac
}

begin() {
	[ ! -s "$history" ] || fail "there is a bundle in force already: \`stage\` the next one"
	mkdir -p "$releases"
	release=$(build "$1")
	write "$release"
	echo "$release" >"$history"
	say "$(basename "$release") is in force wherever Envoy watches $TOOLGATE_ECDS"
}

stage() {
	current=$(in_force)
	release=$(build "$1")
	push "$current" --candidate "$release"
	echo "$release" >"$candidate"
	say "$(basename "$release") is the candidate; nothing else has changed"
}

observe() {
	staged >/dev/null
	stats wasmcustom.toolgate.flips.by.candidate
	toolgate diff --candidate --log "$log"
}

promote() {
	staged=$(staged)
	push "$staged"
	echo "$staged" >>"$history"
	rm "$candidate"
	say "$(basename "$staged") is in force"
}

rollback() {
	current=$(in_force)
	previous=$(sed '$d' "$history" | tail -n 1)
	[ -n "$previous" ] || fail "there is no bundle to go back to"
	push "$previous"
	sed '$d' "$history" >"$history.new" && mv "$history.new" "$history"
	rm -f "$candidate"
	say "$(basename "$previous") is in force again, in the place of $(basename "$current")"
}

status() {
	echo "released, the one in force last:"
	cat "$history"
	[ ! -e "$candidate" ] || echo "candidate: $(cat "$candidate")"
	echo "Envoy:"
	stats "$counters.update_(success|rejected)"
}

in_force() {
	[ -s "$history" ] || fail "no bundle is in force: \`begin\` with one"
	tail -n 1 "$history"
}

staged() {
	[ -s "$candidate" ] || fail "there is no candidate: \`stage\` one"
	cat "$candidate"
}

# Builds a bundle, or takes one that is built, and keeps it under its own digest.
build() {
	if [ -d "$1" ]; then
		# shellcheck disable=SC2086
		toolgate build "$1" ${TOOLGATE_BUILD:-} -o "$releases/new.json" >&2
	else
		cp "$1" "$releases/new.json"
	fi
	digest=$(sha256sum "$releases/new.json" | cut -c 1-16)
	mv "$releases/new.json" "$releases/$digest.json"
	echo "$releases/$digest.json"
}

# Has Envoy load a bundle, and takes the file back if Envoy does not.
push() {
	successes=$(count update_success)
	rejections=$(count update_rejected)
	[ ! -e "$TOOLGATE_ECDS" ] || cp "$TOOLGATE_ECDS" "$releases/before.json"
	write "$@"
	for _ in $(seq 100); do
		[ "$(count update_success)" -eq "$successes" ] || return 0
		if [ "$(count update_rejected)" -ne "$rejections" ]; then
			[ ! -e "$releases/before.json" ] || mv "$releases/before.json" "$TOOLGATE_ECDS"
			fail "Envoy rejected it, and what was in force still is; Envoy's log says why"
		fi
		sleep 0.1
	done
	fail "Envoy has not said within 10 seconds whether it took it"
}

write() {
	toolgate emit ecds "$@" --wasm "$TOOLGATE_WASM" ${TOOLGATE_TRUST:+--trust "$TOOLGATE_TRUST"} -o "$TOOLGATE_ECDS"
}

count() {
	stats "$counters.$1" | sed 's/.*: //'
}

stats() {
	curl --silent --show-error --fail "$admin/stats?filter=$1"
}

say() {
	echo "$*" >&2
}

fail() {
	say "rollout: $*"
	exit 1
}

main "$@"
