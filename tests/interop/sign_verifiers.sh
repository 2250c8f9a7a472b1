#!/bin/bash
# `onoma zone sign` on a small zone with every kind of name, judged by three independent verifiers.
# Usage: sign_verifiers.sh ONOMA_PROGRAM      Exit status 77: the program or a verifier is not there.
set -u
onoma=$1
[ -x "$onoma" ] || { echo "$onoma is not built"; exit 77; }
for tool in ldns-verify-zone dnssec-verify kzonecheck; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (ldnsutils, bind9-utils, knot-dnssecutils)"; exit 77; }
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

cat >"$work/in.zone" <<'ZONE'
$TTL 3600
@          SOA   ns1 hostmaster 2026010100 7200 900 604800 300
@          NS    ns1
@          MX    10 mail
@          TXT   "apex"
ns1        A     192.0.2.1
ns1        AAAA  2001:db8::1
mail       A     192.0.2.2
www        CNAME mail
*.wild     TXT   "wildcard"
deep.er.and.deeper TXT "empty non-terminals"
moved      DNAME elsewhere.example.net.
secure     NS    ns.secure
secure     DS    60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.secure  A     192.0.2.3
plain      NS    ns.plain
ns.plain   A     192.0.2.4
one.ent    NS    ns1
two.ent    NS    ns.secure
Mixed.Case TXT   "case"
esc\.aped  TXT   "a dot inside a label"
ZONE

bad=0
for mode in "" "--nsec3" "--nsec3 --opt-out" "--zonemd sha384" "--nsec3 --zonemd sha512"; do
  out=$work/signed.zone
  # shellcheck disable=SC2086
  if ! (cd "$work" && "$onoma" zone sign in.zone --zone example.org --output "$out" $mode) >"$work/log" 2>&1; then
    echo "zone sign $mode failed:"; cat "$work/log"; exit 1
  fi
  digest=
  case $mode in *zonemd*) digest=-ZZ ;; esac
  for verifier in "ldns-verify-zone -V 1 $digest" "dnssec-verify -o example.org" "kzonecheck -d on -o example.org."; do
    if ! $verifier "$out" >"$work/log" 2>&1; then
      echo "FAILED with '$mode': $verifier"; cat "$work/log"; bad=1
    fi
  done
done
exit $bad
