#!/bin/bash
# Zones that were signed step by step through random histories, judged by three independent verifiers.
# Usage: sign_histories.sh PROPERTY_SIGN_PROGRAM      Exit status 77: a verifier is not installed.
set -u
program=$1
for tool in ldns-verify-zone dnssec-verify kzonecheck; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (ldnsutils, bind9-utils, knot-dnssecutils)"; exit 77; }
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

ONOMA_DUMP=$work "$program" --gtest_filter='*RealKeys*' >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

checked=0 bad=0
check() {
  "$@" >"$work/out" 2>&1 && return
  bad=$((bad + 1))
  echo "FAILED: $*"
  grep -v '^$' "$work/out" | head -n 10
  grep -v RRSIG "${@: -1}" | cut -c1-120 | head -n 80
}
for zone in "$work"/*.zone; do
  checked=$((checked + 1))
  check ldns-verify-zone -V 1 "$zone"
  check dnssec-verify -o a.b.example "$zone"
  check kzonecheck -d on -o a.b.example. "$zone"
  [ $bad -ge 3 ] && break
done
echo "$checked versions checked, $bad refusals"
[ $checked -ge 100 ] && [ $bad -eq 0 ]
