// SPDX-License-Identifier: GPL-2.0
// What a guest's kernel runs: it is a process of the machine.
#include <linux/init.h>
#include <linux/module.h>
#include "attempts.h"

#define TRY(name, call) pr_info("attempt by the guest: %s = %ld\n", name, (long)(call));

/* Processes of the machine that do nothing and never end: of their memory, which is this one's, they touch nothing. */
static long multiplied(void)
{
	long n, pid;

	for (n = 0; n < 100000; n++) {
		asm volatile("syscall; test %%rax, %%rax; jnz 2f; 1: mov $34, %%eax; syscall; jmp 1b; 2:"
			     : "=a"(pid) : "a"(57L) : "rcx", "r11", "memory");
		if (pid < 0)
			break;
	}
	return n;
}

/* Megabytes that go into a file of the machine. */
static long filled(void)
{
	static char text[1 << 20];
	long fd = try4(2, "/tmp/fill", WRONLY | CREAT, 0600, 0), n;

	for (n = 0; fd >= 0 && n < 100000; n++)
		if (try4(1, fd, text, sizeof(text), 0) != sizeof(text))
			break;
	return n;
}

static int __init captive_init(void)
{
	ATTEMPTS(TRY)
	pr_info("the guest filled the disk with %ld MB\n", filled());
	pr_info("the guest made %ld processes\n", multiplied());
	return 0;
}

static void __exit captive_exit(void)
{
}

module_init(captive_init);
module_exit(captive_exit);
MODULE_DESCRIPTION("Tries to get out");
MODULE_LICENSE("GPL");
