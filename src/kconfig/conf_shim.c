/*
 * Loaded into the tree's own `conf` by LD_PRELOAD. It does two things, and nothing in any other
 * program:
 *
 * - with KBISECT_CONF_RECORD=DIR it writes down how make called conf: its arguments, its
 *   environment, its working directory and its path, so that it can be called again without
 *   make;
 * - with KBISECT_SHELL_CACHE=DIR it remembers the answers of $(shell ...) in Kconfig files,
 *   which conf gets through popen(): the compiler is asked some 90 questions, which takes four
 *   fifths of conf's time, and answers the same each time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The remembered answer to `command`, to be read like a pipe; NULL if there is none. */
static FILE *remembered(const char *path, const char *command)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(command);
	char *asked;

	if (!file)
		return NULL;
	asked = malloc(length + 1);
	if (asked && fread(asked, 1, length + 1, file) == length + 1 &&
	    memcmp(asked, command, length + 1) == 0) {
		free(asked);
		return file;
	}
	free(asked);
	fclose(file);
	return NULL;
}

/* Asks once, and keeps question and answer: the question, a NUL, the answer. */
static int ask(FILE *(*real_popen)(const char *, const char *), int (*real_pclose)(FILE *),
	       const char *path, const char *command)
{
	char temporary[4200], buffer[4096];
	size_t n;
	int fd, status, bad;
	FILE *pipe, *file;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkstemp(temporary);
	if (fd < 0)
		return -1;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(temporary);
		return -1;
	}
	pipe = real_popen(command, "r");
	if (!pipe) {
		fclose(file);
		unlink(temporary);
		return -1;
	}
	fwrite(command, 1, strlen(command) + 1, file);
	while ((n = fread(buffer, 1, sizeof(buffer), pipe)) > 0)
		fwrite(buffer, 1, n, file);
	bad = ferror(pipe) || ferror(file);
	status = real_pclose(pipe);
	bad |= fclose(file) != 0;
	/* A command that was killed has said nothing that should be remembered. */
	if (bad || status < 0 || (status & 0x7f) || rename(temporary, path) != 0) {
		unlink(temporary);
		return -1;
	}
	return 0;
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
	if (!ours && ask(real_popen, real_pclose, path, command) == 0)
		ours = remembered(path, command);
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
