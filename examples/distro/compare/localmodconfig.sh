#!/bin/sh
# What a user does today, first way: `make localmodconfig` with the modules that are loaded in a guest.
#
# localmodconfig.sh SOURCE CONFIG MODULES FOLDER: SOURCE is unpacked and unbuilt, MODULES is the /proc/modules of the guest,
# FOLDER is made. Debian's configurations need pahole (package dwarves). Prints lines, objects and times.
set -eu
source=$1 config=$2 modules=$3 folder=$4
tree=$folder/tree
mkdir -p "$tree"
cp "$config" "$tree/.config"
# lsmod's form.
{
    echo 'Module Size Used by'
    cat "$modules"
} >"$folder/lsmod"
yes '' | make -C "$source" O="$tree" LSMOD="$folder/lsmod" localmodconfig >"$folder/localmodconfig.log" 2>&1
cp "$tree/.config" "$folder/config"
lines() { grep -c '^CONFIG_' "$1"; }
echo "lines: $(lines "$config") -> $(lines "$folder/config"), of them =m $(grep -c '=m$' "$folder/config" || true)"
objects() { find "$tree" -name '.*.o.cmd' ! -path "$tree/scripts/*" ! -path "$tree/tools/*" -exec grep -l '^source_' {} + | wc -l; }
/usr/bin/time -f "image: %e s, CPU %U + %S s" \
    make -C "$tree" -j2 bzImage >"$folder/image.log" 2>"$folder/image.err" || { tail -n 5 "$folder/image.err"; exit 1; }
tail -n 1 "$folder/image.err"
echo "objects of the image: $(objects), bytes: $(stat -c %s "$tree/arch/x86/boot/bzImage")"
/usr/bin/time -f "modules: %e s, CPU %U + %S s" \
    make -C "$tree" -j2 modules >"$folder/modules.log" 2>"$folder/modules.err" || { tail -n 5 "$folder/modules.err"; exit 1; }
tail -n 1 "$folder/modules.err"
make -C "$tree" INSTALL_MOD_STRIP=1 INSTALL_MOD_PATH="$folder/root" modules_install >"$folder/install.log" 2>&1
cp "$tree/arch/x86/boot/bzImage" "$folder/bzImage"
echo "objects: $(objects), modules: $(find "$folder/root" -name '*.ko' | wc -l)"
