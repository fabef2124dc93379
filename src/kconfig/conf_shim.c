/*
 * Loaded into the tree's own `conf` by LD_PRELOAD. It does two things, and nothing in any other
 * program:
 *
 * - with KBISECT_CONF_RECORD=DIR it writes down how make called conf: its arguments, its
 *   environment, its working directory and its path, so that it can be called again without
 *   make; of several calls the last one's;
 * - with KBISECT_SHELL_CACHE=DIR it remembers the answers of $(shell ...) in Kconfig files,
 *   which conf gets through popen(): the compiler is asked some 90 questions, which takes four
 *   fifths of conf's time, and answers the same each time. Several processes may share DIR. A
 *   question is known by its text alone, so DIR must not outlive the toolchain, and what a
 *   question reads of the source must not change: DIR is named by these (conf_cache.rs).
 *
 * It stays in the environment of what conf and make start: that one more library is loaded
 * cannot be measured in a run of gcc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_conf(void)
{
	return strcmp(program_invocation_short_name, "conf") == 0;
}

static void copy(const char *from, const char *dir, const char *name)
{
	char path[4096], buffer[65536];
	ssize_t n;
	int in, out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (in >= 0 && out >= 0)
		while ((n = read(in, buffer, sizeof(buffer))) > 0)
			if (write(out, buffer, (size_t)n) != n)
				break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

static void link_text(const char *link, const char *dir, const char *name)
{
	char path[4096], text[4096];
	ssize_t n = readlink(link, text, sizeof(text));
	int out;

	if (n < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out >= 0) {
		if (write(out, text, (size_t)n) != n)
			unlink(path);
		close(out);
	}
}

__attribute__((constructor)) static void record(void)
{
	const char *dir = getenv("KBISECT_CONF_RECORD");

	if (!dir || !*dir || !in_conf())
		return;
	copy("/proc/self/cmdline", dir, "cmdline");
	copy("/proc/self/environ", dir, "environ");
	link_text("/proc/self/cwd", dir, "cwd");
	link_text("/proc/self/exe", dir, "exe");
}

/* Two FNV-1a hashes from different starts: 128 bits, and the command itself is in the file. */
static void key(const char *command, char out[33])
{
	uint64_t a = 0xcbf29ce484222325u, b = 0x6c62272e07bb0142u;

	for (const char *p = command; *p; p++) {
		a = (a ^ (unsigned char)*p) * 0x100000001b3u;
		b = (b ^ (unsigned char)*p) * 0x100000001b3u + 0x9e3779b97f4a7c15u;
	}
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

/*
 * An answer is kept in a file of its own: this, the question, the answer. The file is read only
 * if it is as long as this says and has the same question: one that a crash or a full disk cut
 * short counts for nothing.
 */
struct header {
	uint64_t question;
	uint64_t answer;
};

/* conf takes 256 bytes of an answer, later ones 4096. What is longer is not kept. */
#define LONGEST 65536

/* The remembered answer to `command`, to be read like a pipe; NULL if there is none. */
static FILE *remembered(const char *path, const char *command)
{
	size_t length = strlen(command);
	struct header header;
	struct stat stat;
	char *asked = malloc(length + 1);
	FILE *file = fopen(path, "re");
	int whole = file && asked && fstat(fileno(file), &stat) == 0 &&
		    fread(&header, sizeof(header), 1, file) == 1 && header.question == length &&
		    header.answer <= LONGEST &&
		    (uint64_t)stat.st_size == sizeof(header) + header.question + header.answer &&
		    fread(asked, 1, length, file) == length && memcmp(asked, command, length) == 0;

	free(asked);
	if (file && !whole) {
		fclose(file);
		file = NULL;
	}
	return file;
}

/* Writes the answer beside `path` and renames it: nobody sees half of it. */
static void remember(const char *path, const char *command, const char *answer, size_t length)
{
	struct header header = { strlen(command), length };
	char temporary[4200];
	int fd, good;
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(temporary);
		return;
	}
	fwrite(&header, sizeof(header), 1, file);
	fwrite(command, 1, header.question, file);
	fwrite(answer, 1, length, file);
	good = !ferror(file);
	good &= fclose(file) == 0;
	if (!good || rename(temporary, path) != 0)
		unlink(temporary);
}

/* Asks, and has the answer remembered. Whatever goes wrong, conf can still ask for itself. */
static void ask(FILE *(*real_popen)(const char *, const char *), int (*real_pclose)(FILE *),
		const char *path, const char *command)
{
	static char answer[LONGEST + 1];
	size_t length;
	int bad, status;
	FILE *pipe = real_popen(command, "re");

	if (!pipe)
		return;
	length = fread(answer, 1, sizeof(answer), pipe);
	bad = ferror(pipe) || length > LONGEST;
	status = real_pclose(pipe);
	/* A command that was killed has said nothing that should be remembered. */
	if (!bad && status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) < 128)
		remember(path, command, answer, length);
}

/* What was opened here, and not by the real popen. conf has one open at a time. */
static FILE *ours;

FILE *popen(const char *command, const char *mode)
{
	FILE *(*real_popen)(const char *, const char *) =
		(FILE *(*)(const char *, const char *))dlsym(RTLD_NEXT, "popen");
	int (*real_pclose)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "pclose");
	const char *dir = getenv("KBISECT_SHELL_CACHE");
	char path[4096], hash[33];

	if (!dir || !*dir || ours || !in_conf() || mode[0] != 'r')
		return real_popen(command, mode);
	key(command, hash);
	snprintf(path, sizeof(path), "%s/%s", dir, hash);
	ours = remembered(path, command);
	if (!ours) {
		ask(real_popen, real_pclose, path, command);
		ours = remembered(path, command);
	}
	return ours ? ours : real_popen(command, mode);
}

int pclose(FILE *file)
{
	int (*real_pclose)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "pclose");

	if (file && file == ours) {
		ours = NULL;
		return fclose(file) == 0 ? 0 : -1;
	}
	return real_pclose(file);
}
