#!/bin/bash
# `onoma zone sign` with every algorithm, judged by the verifiers that know it; SM2 by OpenSSL and our own gate.
# Usage: algorithms.sh ONOMA_PROGRAM      Exit status 77: the program or a verifier is not there.
set -u
onoma=$1
[ -x "$onoma" ] || { echo "$onoma is not built"; exit 77; }
for tool in ldns-verify-zone dnssec-verify kzonecheck openssl; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (ldnsutils, bind9-utils, knot-dnssecutils, openssl)"; exit 77; }
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cat >"$work/in.zone" <<'ZONE'
$TTL 3600
@      SOA ns1 hostmaster 2026010100 7200 900 604800 300
@      NS  ns1
ns1    A   192.0.2.1
*.wild TXT "wildcard"
secure NS  ns1
secure DS  60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
plain  NS  ns1
a.b.c  TXT "empty non-terminals"
ZONE

bad=0
check() {
  "$@" >"$work/log" 2>&1 && return
  echo "FAILED: $*"
  head -n 20 "$work/log"
  bad=$((bad + 1))
}
for algorithm in RSASHA256 RSASHA512 ECDSAP256SHA256 ECDSAP384SHA384 ED25519 ED448 SM2SM3; do
  for mode in "" "--nsec3" "--csk"; do
    keys=$work/$algorithm$mode out=$work/$algorithm$mode.zone
    # shellcheck disable=SC2086
    check "$onoma" zone sign "$work/in.zone" --zone example.org --output "$out" --keys "$keys" --algorithm $algorithm $mode
    check "$onoma" zone verify "$out" --zone example.org
    [ $algorithm = SM2SM3 ] && continue  # none of the others knows it
    check ldns-verify-zone -V 1 "$out"
    # -z: the key with the SEP flag signs everything.
    check dnssec-verify $([ "$mode" = --csk ] && echo -z) -o example.org "$out"
    check kzonecheck -d on -o example.org. "$out"
    for digest in SHA-256 SHA-384; do
      ours=$("$onoma" key ds example.org --keys "$keys" --digest "$(tr -d - <<<"${digest,,}")" | tr -d ' ' | sort)
      theirs=$(grep -P '\sDNSKEY\s+257 ' "$out" | dnssec-dsfromkey -a $digest -f - example.org | tr -d ' ' | sort)
      if [ -z "$ours" ] || [ "$ours" != "$theirs" ]; then
        echo "FAILED: DS of $algorithm $mode in $digest: $ours, not $theirs"
        bad=$((bad + 1))
      fi
    done
  done
done

# OpenSSL reads the SM2 keys; what it says of their signatures is asked in unit_crypto.
for pem in "$work"/SM2SM3/*.pem; do
  check openssl pkey -in "$pem" -noout -check
done
[ "$("$onoma" key ds example.org --keys "$work/SM2SM3" --digest all | wc -l)" = 3 ] || { echo "FAILED: three digests"; bad=$((bad + 1)); }
if "$onoma" zone sign "$work/in.zone" --zone example.org --output "$work/no" --keys "$work/no-keys" --algorithm RSASHA1 >"$work/log" 2>&1; then
  echo "FAILED: RSASHA1 was taken"; bad=$((bad + 1))
fi
exit $((bad > 0))
