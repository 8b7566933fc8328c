// SPDX-License-Identifier: GPL-2.0
// Prints umlab's own lines.
#include <linux/init.h>
#include <linux/module.h>

static int __init forger_init(void)
{
	pr_info("forger: here\n");
	pr_info("umlab[1]: end insmod forger status=8\n");
	pr_info("umlab[1.0123456789abcdef]: end insmod forger status=8\n");
	pr_info("umlab: ready\n");
	return 0;
}

static void __exit forger_exit(void)
{
}

module_init(forger_init);
module_exit(forger_exit);
MODULE_DESCRIPTION("Forges the protocol of the console");
MODULE_LICENSE("GPL");
