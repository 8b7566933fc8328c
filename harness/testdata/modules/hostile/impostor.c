// SPDX-License-Identifier: GPL-2.0
// Has a process print what its kernel never said.
#include <linux/init.h>
#include <linux/module.h>
#include <linux/umh.h>

static int __init impostor_init(void)
{
	static char say[] = "echo 'BUG: unable to handle page fault for address: 0000000000000008' > /dev/console;"
		"echo 'subarch: impostor: Unknown rela relocation: 9' > /dev/console;"
		"echo '<3>subarch: impostor: Unknown rela relocation: 29' > /dev/kmsg";
	char *argv[] = { "/bin/sh", "-c", say, NULL };
	char *envp[] = { "PATH=/bin", NULL };

	pr_info("impostor: %d\n", call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC));
	return 0;
}

static void __exit impostor_exit(void)
{
}

module_init(impostor_init);
module_exit(impostor_exit);
MODULE_DESCRIPTION("Has a process speak for the kernel");
MODULE_LICENSE("GPL");
