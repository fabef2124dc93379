#!/bin/sh
# What a user does today, second way: ktest's make_min_config, with a shell on the console as the test.
#
# ktest.sh SOURCE CONFIG FOLDER SECONDS: SOURCE is unpacked and unbuilt, FOLDER is made, FOLDER/tree may be a build tree.
# KBISECT_GUEST is the folder of the guest (kbisect setup). Debian's configurations need pahole (package dwarves). Prints how many options are settled, and the times.
#
# ktest is given every advantage: it does not clean between builds, builds no modules, copies nothing to another machine,
# and the guest boots in two seconds. Its console is a file that says "login:" whenever it is asked to reboot.
set -eu
source=$1 config=$2 folder=$3 seconds=$4
mkdir -p "$folder/tree" "$folder/tmp"
cp "$config" "$folder/start"
: >"$folder/console"
cat >"$folder/boots" <<EOF
#!/bin/sh
exec kbisect boot --kernel "$folder/tree/arch/x86/boot/bzImage" \\
    --initrd "$KBISECT_GUEST/shell.cpio" --append KBISECT_MODE=shell \\
    --when '^guest# ' --send 'echo answer: \$((6 * 7 * 1000))' --until '^answer: 42000' --timeout 120
EOF
chmod +x "$folder/boots"
cat >"$folder/ktest.conf" <<EOF
MACHINE = guest
BUILD_DIR = $source
OUTPUT_DIR = $folder/tree
TMP_DIR = $folder/tmp
LOG_FILE = $folder/ktest.log
BUILD_OPTIONS = -j2 bzImage
BUILD_NOCLEAN = 1
NO_INSTALL = 1
BUILD_TARGET = arch/x86/boot/bzImage
TARGET_IMAGE = unused
LOCALVERSION = -test
SSH_USER = root
SSH_EXEC = true
REBOOT_TYPE = script
REBOOT_SCRIPT = true
REBOOT = echo login: >>$folder/console
REBOOT_RETURN_CODE = 0
REBOOT_SUCCESS_LINE = login:
POWER_CYCLE = true
CONSOLE = tail -n 0 -f $folder/console
SLEEP_TIME = 1
TIMEOUT = 20
TEST_START
TEST_TYPE = make_min_config
START_MIN_CONFIG = $folder/start
OUTPUT_MIN_CONFIG = $folder/minimal
IGNORE_CONFIG = $folder/needed
MIN_CONFIG_TYPE = test
TEST = $folder/boots
EOF
# ktest spins on a standard input that has ended: it gets one that never does.
mkfifo "$folder/stdin"
sleep "$((seconds + 60))" >"$folder/stdin" &
idle=$!
/usr/bin/time -f "%e s, CPU %U + %S s" timeout -s INT "$seconds" \
    perl "$source/tools/testing/ktest/ktest.pl" "$folder/ktest.conf" \
    <"$folder/stdin" >"$folder/out" 2>"$folder/err" || true
kill "$idle"
tail -n 1 "$folder/err"
count() { grep -c -e "$1" "$folder/ktest.log" || true; }
echo "trials: $(count 'Test with .* disabled'), needed: $(count 'is needed to boot the box')"
echo "not needed: $(count 'is not needed, disabling'), gone with them: $(count 'is not set, disabling')"
