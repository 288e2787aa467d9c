#!/usr/bin/env bash
# The privacy zone, its host and four validators as processes, in mode proven: every block settles by the words of three validators that checked
# its proofs: two firms shield bonds and cash, swap them privately, an auditor opens its scope and no
# more, both unshield; the price of the swap is asked for and quoted in letters; the zone is killed with -9 between offer and settlement. Firm a believes validators alone,
# by plinth-light. Then the base layer's bytes are searched for what was to be hidden.
# Needs built programs: BIN (plinth-zone, plinth-validator, plinth-light, plinth-privacy, plinth-privacy-verify).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-target/release}
dir=$(mktemp -d)
pids=()
clean_up() {
    local pid
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ "${KEEP:-}" = 1 ] && echo "kept: $dir" || rm -rf "$dir"
}
trap clean_up EXIT
fail() {
    echo "FAILED: $1"
    tail -n 5 "$dir"/*.out
    exit 1
}
# until_true WHAT COMMAND...: again and again, at most four minutes.
until_true() {
    local what=$1 _
    shift
    for _ in $(seq 480); do
        ! "$@" || return 0
        sleep 0.5
    done
    fail "waiting for $what"
}
privacy() { "$bin/plinth-privacy" "$@"; }

# Secret sums, too large to be a height or an offset, and a secret line. What goes in and comes out are other sums: those are public.
bonds=271828182845 cash=314159265358 memo='coupon for Jane Roe'

key() { "$bin/plinth-zone" key "$dir/$1.key" | grep -oE '[0-9a-f]{64}' | head -1; }
declare -A owner
owner[a]=$(key owner-a) owner[b]=$(key owner-b) producer=$(key producer) registrar=$(key registrar) controller=$(key controller)
key reader >/dev/null
light=$(key light)
validators=() listed='' believing=(--zone-id 4 --genesis "$dir/genesis.toml" --light-key "$dir/light.key")
for n in 0 1 2 3; do
    validators+=("\"$(key "$n")\"")
    believing+=(--validator "$(tr -d '"' <<<"${validators[$n]}")@127.0.0.1:$((17301 + n))")
    listed+=$(printf '\n[[validators]]\nkey = %s\naddress = "127.0.0.1:%d"\n ' "${validators[$n]}" $((17301 + n)))
done
keys=$(IFS=,; echo "${validators[*]}")
cat >"$dir/genesis.toml" <<END
chain = 7
time_ns = 1
validators = [$keys]
[[zones]]
id = 4
name = "privacy"
producer = "$producer"
epoch = 1
mode = { proven = { guest_image = "$("$bin/plinth-privacy-verify" --images)", window_blocks = 128, deadline_blocks = 10000 } }
caps = [{ asset = 0, per_hour = "1000000000000" }, { asset = 1, per_hour = "1000000000000" }]
[[assets]]
name = "BOND"
decimals = 0
issuer = "${owner[a]}"
issued = [{ owner = "${owner[a]}", amount = "1000000000000" }]
[[assets]]
name = "USD"
decimals = 2
issuer = "${owner[b]}"
issued = [{ owner = "${owner[b]}", amount = "1000000000000" }]
END
for n in 0 1 2 3; do
    printf 'key_file = "%d.key"\ngenesis = "genesis.toml"\ndirectory = "validator-%d"\nlisten = "127.0.0.1:%d"\nidle_interval_ms = 200\nproof_verifiers = ["plinth-privacy-verify"]\nclients = ["%s"]\n%s' "$n" "$n" $((17301 + n)) "$light" "$listed" >"$dir/$n.toml"
    "$bin/plinth-validator" --config "$dir/$n.toml" >"$dir/$n.out" 2>&1 &
    pids+=($!)
done
printf 'zone = 4\nkey_file = "producer.key"\nreader_key_file = "reader.key"\ngenesis = "genesis.toml"\ndirectory = "zone-4"\nbodies_are_proofs = true\n%s' "$listed" >"$dir/host.toml"
"$bin/plinth-zone" --config "$dir/host.toml" >"$dir/host.out" 2>&1 &
pids+=($!)
cat >"$dir/privacy.toml" <<END
chain = 7
zone = 4
generation = 1
registrar = "$registrar"
controller = "$controller"
directory = "privacy"
settle = "zone-4/zone.sock"
listen = "127.0.0.1:0"
END
start_zone() {
    "$bin/plinth-privacy" serve --config "$dir/privacy.toml" >"$dir/privacy.out" 2>&1 &
    zone_pid=$!
    pids+=("$zone_pid")
    is_up() { zone=$(sed -n 's/^wallets on //p' "$dir/privacy.out"); [ -n "$zone" ] || ! kill -0 "$zone_pid" 2>/dev/null; }
    until_true 'the zone to start' is_up
    [ -n "$zone" ] || fail 'the zone does not start'
}
start_zone

export PLINTH_PASSPHRASE='for this run alone'
# Firm a believes what validators prove wherever it asks the zone, firm b the zone.
wallet() {
    local firm=$1
    shift
    if [ "$firm" = a ] && [[ " $* " == *' --zone '* ]]; then set -- "$@" "${believing[@]}"; fi
    privacy wallet --dir "$dir/wallet-$firm" "$@"
}
declare -A address account private
for firm in a b; do
    wallet "$firm" new >"$dir/wallet-$firm.txt"
    address[$firm]=$(sed -n 's/^address //p' "$dir/wallet-$firm.txt")
    account[$firm]=$(sed -n 's/^deposit-account //p' "$dir/wallet-$firm.txt")
    private[$firm]=$(sed -n 's/^owner //p' "$dir/wallet-$firm.txt")
    wallet "$firm" request --out "$dir/$firm.request"
done
echo '--- registered: firm a in jurisdiction 3, firm b in 4; both assets for everybody'
privacy registrar add --book "$dir/book" --request "$dir/a.request" --jurisdiction 3
privacy registrar add --book "$dir/book" --request "$dir/b.request" --jurisdiction 4
privacy registrar publish --book "$dir/book" --key "$dir/registrar.key" --zone "$zone"
for asset in 0 1; do privacy control --zone "$zone" --key "$dir/controller.key" list --asset "$asset"; done

echo '--- both shield'
deposit() { "$bin/plinth-zone" --config "$dir/host.toml" deposit --key "$dir/owner-$1.key" --asset "$2" --amount "$3" --account "${account[$1]}" --within 240 || fail 'the deposit'; }
deposit a 0 500000000000
deposit b 1 400000000000
shielded() { wallet "$1" shield --zone "$zone" | tee "$dir/shield.txt" && grep -q '^shielded' "$dir/shield.txt"; }
for firm in a b; do until_true "the deposit of firm $firm" shielded "$firm"; done

echo '--- a asks b and c for a price, and swaps with b; the zone is killed with -9 between offer and settlement'
wallet c new >"$dir/wallet-c.txt"
address[c]=$(sed -n 's/^address //p' "$dir/wallet-c.txt")
letter() { echo "$dir/$1.letter"; }
rfq() { local firm=$1; shift; wallet "$firm" rfq "$@"; }
rfq a request --zone "$zone" --side sell --asset 0 --amount "$bonds" --against 1 \
    --with "${address[b]}" --out "$(letter to-b)" --with "${address[c]}" --out "$(letter to-c)"
rfq b read "$(letter to-b)"
! rfq b read "$(letter to-c)" || fail 'a letter to another wallet'
! rfq c quote --zone "$zone" --request "$(letter to-c)" --price "$cash" --out "$(letter no)" || fail 'a quote without the cash'
rfq b quote --zone "$zone" --request "$(letter to-b)" --price "$cash" --out "$(letter quote)"
! rfq b quote --zone "$zone" --request "$(letter to-b)" --price 1 --out "$(letter no)" || fail 'a second quote'
rfq a read "$(letter quote)" | tee "$dir/quotes.txt"
grep -q "^best: $(letter quote)" "$dir/quotes.txt" || fail 'the best quote'
has() { [ "$(wallet "$1" balance --zone "$zone" 2>/dev/null | tr '\n' ' ')" = "$2" ]; }
until_true 'what firm a has shielded to settle' has a 'asset 0: 500000000000 '
rfq a take --zone "$zone" --quote "$(letter quote)" --out "$(letter offer)"
! rfq a take --zone "$zone" --quote "$(letter quote)" --out "$(letter no)" || fail 'a quote taken twice'
rfq b accept --zone "$zone" --offer "$(letter offer)" --out "$(letter acceptance)"
! rfq b accept --zone "$zone" --offer "$(letter offer)" --out "$(letter no)" || fail 'an offer accepted twice'
kill -9 "$zone_pid"
wait "$zone_pid" 2>/dev/null || true
start_zone
is_joined() { ! privacy status --zone "$zone" | grep -q 'NO HOST'; }
until_true 'the host to be joined again' is_joined
rfq a settle --zone "$zone" --acceptance "$(letter acceptance)"
! rfq a settle --zone "$zone" --acceptance "$(letter acceptance)" || fail 'an acceptance settled twice'
wallet b send --zone "$zone" --asset 1 --amount 7 --to "${address[a]}" --memo "$memo"
balance() { has "$1" "$2" || fail "the balance of firm $1: $(wallet "$1" balance --zone "$zone")"; }
until_true 'the swap and the payment to settle' has a "asset 0: $((500000000000 - bonds)) asset 1: $((cash + 7)) "
balance a "asset 0: $((500000000000 - bonds)) asset 1: $((cash + 7)) "
balance b "asset 0: $bonds asset 1: $((400000000000 - cash - 7)) "
wallet a history --zone "$zone" | tee "$dir/history.txt"
grep -q "memo: $memo" "$dir/history.txt" || fail 'the memo'

echo '--- an auditor of jurisdiction 3, one of 4'
for jurisdiction in 3 4; do privacy registrar audit-keys --book "$dir/book" --jurisdictions "$jurisdiction" --out "$dir/audit-$jurisdiction"; done
audit() { local jurisdiction=$1; shift; privacy audit --keys "$dir/audit-$jurisdiction" --zone "$zone" "$@"; }
audit 3 scan | tee "$dir/scan-3.txt"
audit 4 scan >"$dir/scan-4.txt"
sees() { grep -qw -- "$2" "$dir/scan-$1.txt" || fail "auditor $1 does not see $2"; }
sees_not() { ! grep -qw -- "$2" "$dir/scan-$1.txt" || fail "auditor $1 sees $2"; }
sees 3 "$bonds"; sees_not 3 "$cash"; sees_not 3 "firm ${private[b]}"
sees 4 "$cash"; sees_not 4 "$bonds"; sees_not 4 "firm ${private[a]}"
[ -z "$(audit 3 --assets 1 scan)" ] || fail 'an asset out of scope'
[ -z "$(audit 3 --jurisdictions 4 scan)" ] || fail 'a jurisdiction out of scope'
audit 3 open "$(grep -B1 -w "$bonds" "$dir/scan-3.txt" | grep -oE 'transaction [0-9a-f]{64}' | tail -1 | cut -d' ' -f2)" | grep -qw "$bonds" || fail 'one transaction'
audit 4 report | tee "$dir/report-4.txt" | grep -qw "$((cash + 7))" || fail 'the turnover'

echo '--- both unshield'
wallet a unshield --zone "$zone" --asset 1 --amount 300000000000 --to "${owner[a]}"
wallet b unshield --zone "$zone" --asset 0 --amount 200000000000 --to "${owner[b]}"
! wallet b unshield --zone "$zone" --asset 0 --amount 200000000000 --to "${owner[b]}" || fail 'more than there is'
status() { "$bin/plinth-zone" --config "$dir/host.toml" status --json; }
is_paid() { status >"$dir/status.json" && grep -qE '"paid_out": ?"?300000000000' "$dir/status.json" && grep -qE '"paid_out": ?"?200000000000' "$dir/status.json"; }
until_true 'the base layer to pay' is_paid
cat "$dir/status.json"

echo '--- a zone in the same place that shows none of its blocks: a wallet that believes the zone has nothing, one that believes validators names it'
sed -e 's/^directory = .*/directory = "withheld"/' -e 's/^settle = .*/settle = "nobody.sock"/' "$dir/privacy.toml" >"$dir/withheld.toml"
"$bin/plinth-privacy" serve --config "$dir/withheld.toml" >"$dir/withheld.out" 2>&1 &
pids+=($!)
is_withholding() { withholding=$(sed -n 's/^wallets on //p' "$dir/withheld.out"); [ -n "$withholding" ]; }
until_true 'the other zone to start' is_withholding
[ -z "$(wallet b balance --zone "$withholding")" ] || fail 'the zone shows blocks'
! wallet a balance --zone "$withholding" >"$dir/named.txt" 2>&1 || fail 'a zone that withholds is believed'
grep 'the zone withholds block' "$dir/named.txt" || fail 'what the zone did'

echo '--- what the base layer has stored and logged'
base=("$dir"/validator-* "$dir/zone-4" "$dir"/[0-3].out "$dir/host.out")
letters=("$dir"/*.letter)
# Nothing changes a file while it is read.
kill -STOP "${pids[@]}" 2>/dev/null
# found WHAT PATH...: whether files hold these bytes (in hexadecimal digits), this number (eight bytes, or its digits), or this text.
found() {
    local code=0
    python3 - "$@" <<'END' || code=$?
import pathlib, re, sys
kind, _, what = sys.argv[1].partition(':')
pattern = {
    'bytes': lambda: re.escape(bytes.fromhex(what)),
    'number': lambda: re.escape(int(what).to_bytes(8, 'little')) + b'|(?<![0-9])' + what.encode() + b'(?![0-9])',
    'text': lambda: re.escape(what.encode()),
}[kind]()
paths = [path for root in map(pathlib.Path, sys.argv[2:]) for path in ([root] if root.is_file() else root.rglob('*'))]
files = [path for path in paths if path.is_file()]
sys.exit(0 if any(re.search(pattern, path.read_bytes()) for path in files) else 3)
END
    # What cannot be read is not what holds nothing.
    case $code in 0) return 0 ;; 3) return 1 ;; *) fail "the search ended with $code" ;; esac
}
secrets=("number:$bonds" "number:$cash" "number:$((500000000000 - bonds))" "number:$((400000000000 - cash - 7))" "text:$memo")
for firm in a b; do secrets+=("bytes:${private[$firm]}" "text:${private[$firm]}" "text:${address[$firm]}"); done
for secret in "${secrets[@]}"; do
    ! found "$secret" "${base[@]}" || fail "the base layer has $secret"
    ! found "$secret" "${letters[@]}" || fail "a letter shows $secret"
done
# The same search finds what is there: what is public on the base layer, and the secrets with those who may have them.
for public in "bytes:${owner[a]}" "bytes:${account[b]}" number:500000000000; do found "$public" "$dir"/validator-* || fail "the search does not find $public"; done
for firm in a b; do found "bytes:${private[$firm]}" "$dir/book" || fail 'the search does not find a firm in the registrar'"'"'s book'; done
found "number:$bonds" "$dir/history.txt" && found "text:$memo" "$dir/history.txt" || fail 'the search does not find what the parties have'
echo "settled: shield, private swap, audit, kill -9, unshield; ${#secrets[@]} secrets looked for in $(du -shc "${base[@]}" | tail -1 | cut -f1) of the base layer and in ${#letters[@]} letters, none found"
