#!/usr/bin/env bash
# The invariants of absence (ARCHITECTURE.md) that a grep can check. Prints each one; exits 1 at the end if any is broken.
set -u
cd "$(dirname "$0")/.." || exit 1
broken=0

# verdict NAME FOUND: an invariant holds when nothing was found.
verdict() {
    if [ -n "$2" ]; then
        printf 'BROKEN  %s\n%s\n' "$1" "$2"
        broken=1
    else
        printf 'ok      %s\n' "$1"
    fi
}

# absent NAME PATTERN PATH...: no line of code under PATH matches; comment lines and tests do not count.
absent() {
    local name=$1 pattern=$2
    shift 2
    local path
    for path in "$@"; do
        [ -e "$path" ] || { verdict "$name" "no such path: $path"; return; }
    done
    verdict "$name" "$(grep -rnE --include='*.rs' "$pattern" "$@" | grep -vE '^[^:]+:[0-9]+:\s*//' | grep -vE '/tests?(/|\.rs)')"
}

# tree PACKAGE [FLAG...]: its normal dependencies, one a line.
tree() {
    local package=$1
    shift
    cargo tree --locked -e normal -p "$package" --prefix none "$@" | tail -n +2
}

core=(matching/src/engine matching/src/state matching/src/tally.rs clearing/src types/src)
absent 'the core reads no clock' 'Instant::now|SystemTime' "${core[@]}"
absent 'the core opens no socket or file' 'std::(net|fs|io)\b' "${core[@]}"
absent 'the core draws no random number' '\brand::|thread_rng|getrandom' "${core[@]}"
absent 'the core has no hash map' 'HashMap|HashSet' "${core[@]}"
absent 'the core takes no lock' 'Mutex|RwLock' "${core[@]}"
absent 'the core computes no float' '\bf(32|64)\b' "${core[@]}"
absent 'FIX sessions do no I/O and read no clock' 'std::(net|fs)\b|Instant::now|SystemTime|io_uring' \
    gateway/src/session gateway/src/application gateway/src/codec gateway/src/dictionary
absent 'settlement rules read no clock' 'Instant::now|SystemTime|tokio' settlement/src/ledger
absent 'settlement knows no zone code' 'plinth_(matching|gateway|clearing)' settlement/src validator/src
absent 'the zone knows neither consensus nor sockets of the gateway' 'commonware|plinth_(settlement|gateway)' matching/src clearing/src
absent 'the privacy zone knows neither consensus, sockets, nor another zone' 'commonware|std::net|plinth_(settlement|gateway|matching|clearing)' privacy/src
absent 'the privacy zone reads no clock' 'Instant::now|SystemTime' privacy/src
absent 'the process of the privacy zone knows neither consensus, a runtime, nor another zone' 'commonware|tokio|plinth_(settlement|gateway|matching|clearing)' \
    privacy-zone/src
absent 'the EVM zone knows neither consensus nor another zone' 'commonware|plinth_(settlement|gateway|matching|clearing|privacy)' evm/src
verdict 'revm and alloy are named in one file each' \
    "$(grep -rnE --include='*.rs' '\b(revm|alloy_[a-z0-9]+)::' evm/src evm/tests | grep -vE '^evm/src/(machine|ethereum)\.rs:')"
absent 'execution in the EVM zone reads no clock and draws no random number' 'Instant::now|SystemTime|\brand::|getrandom' \
    evm/src/execution evm/src/schedule evm/src/state evm/src/trie evm/src/chain
absent 'the gateway knows neither the core nor settlement' 'commonware|plinth_(settlement|matching|clearing)' gateway/src

verdict 'types depends on nothing' "$(tree plinth-types)"
verdict 'clearing depends on types alone' "$(tree plinth-clearing | grep -v '^plinth-types ')"
verdict 'the zone protocol depends on types alone' "$(tree plinth-zone-protocol | grep -v '^plinth-types ')"
verdict 'the process of the privacy zone is built without consensus and without a runtime' \
    "$(tree plinth-privacy-zone | grep -E '^(commonware|tokio|quinn|rustls|plinth-(settlement|validator|node|gateway|matching|clearing))')"
verdict 'a validator holds no virtual machine, no matching engine, no prover' \
    "$(tree plinth-validator | grep -E '^(revm|openvm|halo2|plinth-(matching|clearing|gateway))')"
verdict 'a host holds no virtual machine, no matching engine, no prover' \
    "$(tree plinth-zone-host | grep -E '^(revm|openvm|halo2|plinth-(matching|clearing|gateway|validator|evm|privacy))')"
verdict 'validators and settlement know no host' "$(tree plinth-validator | grep -E '^plinth-zone')"
verdict 'the verifier of proofs holds no virtual machine, no engine, no prover' \
    "$(cd proving && tree plinth-proof-verifier | grep -E '^(openvm-(circuit|cpu-backend)|plinth-(matching|clearing|machine|prover))')"
verdict 'no planted bug in the product' "$(
    cargo tree --locked -e features -p plinth-node -p plinth-validator -p latency-tests | grep -F planted-bugs
    grep -nE '^default *=.*planted-bugs|features *=.*planted-bugs' -- Cargo.toml */Cargo.toml
)"
verdict 'unsafe code only in files that say so in their header' \
    "$(grep -rlE --include='*.rs' '\bunsafe (\{|impl|fn|trait)' -- */src | xargs -r grep -LE '^#!\[allow\(unsafe_code\)\]|^#!\[expect\(unsafe_code')"
verdict 'every source file is in the module tree or named in a manifest' "$(
    for file in $(git ls-files '*/src/*.rs'); do
        base=$(basename "$file" .rs)
        case $base in lib | main | mod) continue ;; esac
        grep -rqE "mod $base\b" --include='*.rs' "$(dirname "$(dirname "$file")")" "$(dirname "$file")" || echo "$file"
    done
)"

exit $broken
