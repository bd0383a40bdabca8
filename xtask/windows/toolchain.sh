#!/bin/sh
# A rustc with the standard library for x86_64-pc-windows-gnu, out of Debian's packages: nothing is installed, no root is needed.
# usage: toolchain.sh DIR [check]; afterwards RUSTC=DIR/usr/bin/rustc and LD_LIBRARY_PATH=DIR/usr/lib make the ordinary cargo build for
# Windows, or after `check`, which is quicker, do no more than `cargo check`.
#
# Debian ships that library's sources and a compiler of the same version, but not the library for the gnu target; it is compiled once.
set -eu
target=x86_64-pc-windows-gnu
case ${2:-build} in
check) do="check" kind=rmeta done=.checked ;;
*) do="build --release" kind=rlib done=.done ;;
esac
mkdir -p "$1"
dir=$(cd "$1" && pwd)
lib=$dir/usr/lib/rustlib/$target/lib
{ [ -e "$lib/.done" ] || [ -e "$lib/$done" ]; } && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9].*\)/\1/p' | tail -1)
llvm=$(apt-cache depends "$std" | sed -n 's/.*Depends: \(libllvm[0-9]*\)/\1/p' | tail -1)
(cd "$work" && apt-get download -q rustc-web "$std" libstd-rust-web-dev rust-web-src rust-web-clippy "$llvm")
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$dir"; done
# One folder for the loader's path.
for library in "$dir"/usr/lib/x86_64-linux-gnu/*.so*; do ln -sf "x86_64-linux-gnu/${library##*/}" "$dir/usr/lib/"; done
export LD_LIBRARY_PATH="$dir/usr/lib" RUSTC="$dir/usr/bin/rustc" RUSTC_BOOTSTRAP=1
mkdir -p "$work/empty/src"
: >"$work/empty/src/lib.rs"
cd "$work/empty"
printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >Cargo.toml
# As in rustc's own library: with bitcode, for programs that are optimised as a whole (LTO), and a panic_abort that aborts, which profiles with
# panic = "abort" demand.
printf '#!/bin/sh\ncase " $* " in *" --crate-name panic_abort "*) set -- "$@" -C panic=abort;; esac\nexec "$@" -C embed-bitcode=yes\n' >../wrap
chmod +x ../wrap
RUSTC_WRAPPER="$work/wrap" CARGO_TARGET_DIR=target cargo $do -q --target "$target" -Zbuild-std=std,panic_unwind,panic_abort,proc_macro,test
rm -rf "$lib"
mkdir -p "$lib"
rm -f target/"$target"/*/deps/libempty-*
cp target/"$target"/*/deps/*."$kind" "$lib"
rm -rf "$dir/usr/src" "$dir/usr/share"
touch "$lib/$done"
