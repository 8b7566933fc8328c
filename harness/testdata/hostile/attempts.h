/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What hostile code tries of the machine that it runs on: by system calls of its own, so that it is the same in a program that a
 * Makefile runs and in a module, which in User-Mode Linux runs in the kernel's own process. places.h is made by the test.
 */
#include "places.h"

static long try6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}
#define try4(nr, a, b, c, d) try6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum { RDONLY = 0, WRONLY = 1, CREAT = 0100, DIRECTORY = 0200000 };

static long opened(const char *path, long flags)
{
	long fd = try4(2, path, flags, 0600, 0);

	if (fd >= 0)
		try4(3, fd, 0, 0, 0);
	return fd;
}

/* From each descriptor that may have been left open, as far up as it goes. */
static long descriptors(void)
{
	long fd, got;

	for (fd = 3; fd < 200; fd++) {
		got = try4(257, fd, "../../../../../../../../../../../.." SECRET, RDONLY, 0);
		if (got < 0)
			got = try4(257, fd, &SECRET[1], RDONLY, 0);
		if (got >= 0)
			return got;
	}
	return -2;
}

static long connected(int domain, int type, const void *address, long size)
{
	long fd = try4(41, domain, type, 0, 0), ret;

	if (fd < 0)
		return fd;
	ret = try4(42, fd, address, size, 0);
	try4(3, fd, 0, 0, 0);
	return ret;
}

static long listener(void)
{
	unsigned char in[16] = { 2, 0, PORT >> 8, PORT & 255, 127, 0, 0, 1 };

	return connected(2, 1, in, sizeof(in));
}

static long named(const char *name, int skip)
{
	unsigned char un[110] = { 1, 0 };
	int i;

	for (i = 0; name[i] && i < 107; i++)
		un[2 + skip + i] = name[i];
	return connected(1, 1, un, 2 + skip + i + !skip);
}

static long entered(const char *namespace)
{
	long fd = try4(2, namespace, RDONLY, 0, 0);

	return fd < 0 ? fd : try4(308, fd, 0, 0, 0);
}

static long read_of(long pid)
{
	char buf[8];
	long local[2] = { (long)buf, sizeof(buf) }, remote[2] = { 0x400000, sizeof(buf) };

	return try6(310, pid, (long)local, 1, (long)remote, 1, 0);
}

static long by_handle(void)
{
	unsigned int handle[6] = { 8, 1, 2, 0 };

	return try4(304, -100, handle, RDONLY, 0);
}

static long mounted(void)
{
	return try6(165, (long)"none", (long)"/tmp", (long)"tmpfs", 0, 0, 0);
}

static long writable_root(void)
{
	return try6(165, 0, (long)"/", 0, 32 | 4096, 0, 0);
}

static long clock(void)
{
	long then[2] = { 1, 0 };

	return try4(227, 0, then, 0, 0);
}

static long limited(long pid)
{
	long limit[2] = { 10, 10 };

	return try4(302, pid, 7, limit, 0);
}

/* Each is told by the test as what it is called here; 0 or more is what hostile code wants. */
#define ATTEMPTS(TRY) \
	TRY("read a file of the user", opened(SECRET, RDONLY)) \
	TRY("read it from above the root", opened("/../../../../../../../.." SECRET, RDONLY)) \
	TRY("read it by the root of init", opened("/proc/1/root" SECRET, RDONLY)) \
	TRY("read it by the root of a parent", opened("/proc/self/../1/cwd/../../../.." SECRET, RDONLY)) \
	TRY("read it by what was left open", descriptors()) \
	TRY("read it by a handle", by_handle()) \
	TRY("write a file of the user", opened(SECRET, WRONLY)) \
	TRY("make a file beside it", opened(SECRET ".new", WRONLY | CREAT)) \
	TRY("write to the user's tree", opened(TREE "/Makefile", WRONLY)) \
	TRY("list the store", opened(STORE, RDONLY | DIRECTORY)) \
	TRY("write to the store", opened(STORE "/v1/new", WRONLY | CREAT)) \
	TRY("write to the tree", opened("/src/Makefile", WRONLY)) \
	TRY("write to a tool", opened("/usr/bin/make", WRONLY)) \
	TRY("write to the kernel that is booted", opened("/umlab/linux", WRONLY)) \
	TRY("write to the guest's init", opened("/umlab/root/init", WRONLY)) \
	TRY("make a file in the root", opened("/new", WRONLY | CREAT)) \
	TRY("make a file in /etc", opened("/etc/new", WRONLY | CREAT)) \
	TRY("the machine's disk", opened("/dev/sda", RDONLY)) \
	TRY("the machine's memory", opened("/dev/mem", RDONLY)) \
	TRY("the machine's log, by its device", opened("/dev/kmsg", RDONLY)) \
	TRY("the machine's KVM", opened("/dev/kvm", RDONLY)) \
	TRY("the machine's FUSE", opened("/dev/fuse", RDONLY)) \
	TRY("the machine's tun", opened("/dev/net/tun", RDONLY)) \
	TRY("the machine's /sys", opened("/sys/kernel", RDONLY)) \
	TRY("the machine's cgroups", opened("/sys/fs/cgroup/cgroup.procs", WRONLY)) \
	TRY("the machine's docker", opened("/var/run/docker.sock", RDONLY)) \
	TRY("the machine's kernel, by /proc/kcore", opened("/proc/kcore", RDONLY)) \
	TRY("where cores go", opened("/proc/sys/kernel/core_pattern", WRONLY)) \
	TRY("the sysrq key", opened("/proc/sysrq-trigger", WRONLY)) \
	TRY("the memory of init", opened("/proc/1/mem", RDONLY)) \
	TRY("the environment of init", opened("/proc/1/environ", RDONLY)) \
	TRY("the descriptors of init", opened("/proc/1/fd/0", RDONLY)) \
	TRY("make a device", try4(133, "/tmp/disk", 060600, 0x800, 0)) \
	TRY("mount", mounted()) \
	TRY("make the root writable", writable_root()) \
	TRY("unmount /proc", try4(166, "/proc", 2, 0, 0)) \
	TRY("another root", try4(161, "/tmp", 0, 0, 0)) \
	TRY("another user namespace", try4(272, 0x10000000, 0, 0, 0)) \
	TRY("another mount namespace", try4(272, 0x20000, 0, 0, 0)) \
	TRY("another network namespace", try4(272, 0x40000000, 0, 0, 0)) \
	TRY("the mount namespace of init", entered("/proc/1/ns/mnt")) \
	TRY("become another user", try4(117, 1, 1, 1, 0)) \
	TRY("become another group", try4(116, 0, 0, 0, 0)) \
	TRY("signal a process of the machine", try4(62, PID, 0, 0, 0)) \
	TRY("trace a process of the machine", try4(101, 16, PID, 0, 0)) \
	TRY("read the memory of a process of the machine", read_of(PID)) \
	TRY("trace init", try4(101, 16, 1, 0, 0)) \
	TRY("read the memory of init", read_of(1)) \
	TRY("limit a process of the machine", limited(PID)) \
	TRY("connect to what listens on the machine", listener()) \
	TRY("connect to an abstract socket of it", named(SOCKET, 1)) \
	TRY("connect to a socket file of it", named(SOCKET_FILE, 0)) \
	TRY("a raw socket", try4(41, 2, 3, 1, 0)) \
	TRY("a packet socket", try4(41, 17, 3, 0x300, 0)) \
	TRY("shared memory of the machine", try4(29, SHARED, 0, 0, 0)) \
	TRY("load a module into the machine", try4(175, "", 0, "", 0)) \
	TRY("another kernel for the machine", try4(246, 0, 0, 0, 0)) \
	TRY("reboot the machine", try4(169, 0xfee1dead, 672274793, 0, 0)) \
	TRY("set the machine's clock", clock()) \
	TRY("name the machine", try4(170, "pwned", 5, 0, 0)) \
	TRY("the machine's accounting", try4(163, "/tmp/acct", 0, 0, 0)) \
	TRY("the machine's swap", try4(167, "/tmp/swap", 0, 0, 0)) \
	TRY("the machine's ports", try4(172, 3, 0, 0, 0))
