#!/usr/bin/env bash
# Builds the programs that are proven, at fixed paths, and writes them to images/ with their SHA-256; with --check it compares instead.
#
# The compiler is Debian's rustc 1.96 (rustc-web, from the security archive), since its library's source comes with it: the virtual machine's
# target has no library built. The packages are unpacked into a folder, not installed. Paths are part of a program (where it panics), so
# compiler and sources lie at fixed ones while it is built; those of published crates are written as /registry.
set -euo pipefail
cd "$(dirname "$0")"

base=/var/tmp/plinth-guest
target=riscv32im-risc0-zkvm-elf
images=$PWD/images
sources=$PWD/../..
programs=(trading)

fetch_compiler() {
    [ -e $base/rust/unpacked ] && return
    mkdir -p $base/debs $base/rust
    (cd $base/debs && sha256sum --status --check "$OLDPWD/compiler.sha256" 2>/dev/null) || {
        echo "fetching the compiler: apt-get update first if a package is not found"
        (cd $base/debs && apt-get download rustc-web=1.96.0+dfsg1-1~deb12u2 rust-web-src=1.96.0+dfsg1-1~deb12u2 \
            libstd-rust-web-dev=1.96.0+dfsg1-1~deb12u2 libstd-rust-web-1.96=1.96.0+dfsg1-1~deb12u2 libllvm22=1:22.1.8-1~deb12u1)
        (cd $base/debs && sha256sum --quiet --check "$OLDPWD/compiler.sha256")
    }
    for package in $base/debs/*.deb; do dpkg -x "$package" $base/rust; done
    touch $base/rust/unpacked
}

copy_sources() {
    rm -rf $base/src
    mkdir -p $base/src/proving
    cp "$sources/Cargo.toml" $base/src/
    cp -r "$sources/types" "$sources/clearing" "$sources/matching" "$sources/golden" $base/src/
    cp -r "$sources/proving/trading" "$sources/proving/guest" $base/src/proving/
}

# What the programs are made of, in one digest: a test of the prover computes the same and so refuses a stale image.
sources_digest() {
    (cd "$sources" && find types/src types/Cargo.toml clearing/src clearing/Cargo.toml matching/src/engine matching/src/state \
        matching/src/lib.rs matching/src/limits.rs matching/src/tally.rs matching/Cargo.toml proving/trading proving/guest \
        -type f ! -path 'proving/guest/images/*' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1)
}

compile() {
    cat >$base/rustc <<'WRAPPER'
#!/bin/sh
export LD_LIBRARY_PATH=/var/tmp/plinth-guest/rust/usr/lib/x86_64-linux-gnu
exec /var/tmp/plinth-guest/rust/usr/bin/rustc "$@"
WRAPPER
    chmod +x $base/rustc
    local registry linker
    registry=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*)
    linker=$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld
    # lower-atomic: one thread, no atomic instructions. Text begins where the virtual machine's loader expects it, above the stack.
    (cd $base/src/proving/guest && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_RUSTFLAGS \
        RUSTC=$base/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$base/target CARGO_INCREMENTAL=0 \
        CARGO_TARGET_RISCV32IM_RISC0_ZKVM_ELF_LINKER="$linker" \
        CARGO_TARGET_RISCV32IM_RISC0_ZKVM_ELF_RUSTFLAGS="-C passes=lower-atomic -C link-arg=-Ttext=0x00200800 -C link-arg=--fatal-warnings -C panic=abort --remap-path-prefix=$registry=/registry" \
        cargo build --locked --release -Z build-std=core,alloc -Z build-std-features=compiler-builtins-mem --target $target)
}

[ $# -eq 0 ] || [ "$1" = --check ] || { echo "usage: build.sh [--check]"; exit 2; }
fetch_compiler
copy_sources
compile
for program in "${programs[@]}"; do
    built=$base/target/$target/release/plinth-guest-$program
    sha256=$(sha256sum <"$built" | cut -d' ' -f1)
    if [ "${1:-}" = --check ]; then
        cmp "$built" "$images/$program.elf" || { echo "images/$program.elf is not what the sources give ($sha256): run build.sh"; exit 1; }
    else
        mkdir -p "$images"
        install -m 644 "$built" "$images/$program.elf"
        echo "$sha256  $program.elf" >"$images/$program.sha256"
    fi
    echo "$program $sha256"
done
if [ "${1:-}" = --check ]; then
    [ "$(sources_digest)" = "$(cat "$images/sources.sha256")" ] || { echo "images/sources.sha256 is of other sources: run build.sh"; exit 1; }
else
    sources_digest >"$images/sources.sha256"
fi
