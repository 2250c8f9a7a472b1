#!/bin/bash
# Every version in which a key changes its state, over two simulated years, judged by other verifiers at that time.
# Usage: key_life.sh PROPERTY_KEY_LIFE_PROGRAM      Exit status 77: a verifier is not installed.
set -u
program=$1
for tool in ldns-verify-zone kzonecheck; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (ldnsutils, knot-dnssecutils)"; exit 77; }
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

ONOMA_DUMP=$work "$program" --gtest_filter='KeyLife.TwoYears*:KeyLife.OneKey*' >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

checked=0 bad=0
check() {
  "$@" >"$work/out" 2>&1 && return
  bad=$((bad + 1))
  echo "FAILED: $*"
  grep -v '^$' "$work/out" | head -n 10
}
for zone in "$work"/*/*.zone; do
  checked=$((checked + 1))
  at=$(cat "${zone%.zone}.time")
  check ldns-verify-zone -V 1 -t "$(date -u -d "@$at" +%Y%m%d%H%M%S)" "$zone"
  # kzonecheck wants every key to sign everything where all have the SEP flag; of two CSKs one signs the zone.
  case $zone in */csk/*) ;; *) check kzonecheck -d on -t "$at" -o example. "$zone" ;; esac
  [ $bad -ge 3 ] && break
done
echo "$checked versions checked, $bad refusals"
[ $checked -ge 40 ] && [ $bad -eq 0 ]
