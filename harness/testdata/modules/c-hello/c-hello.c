// SPDX-License-Identifier: GPL-2.0
// A module whose lines do not begin with its name.
#include <linux/init.h>
#include <linux/module.h>

static int __init hello_init(void)
{
	if (!THIS_MODULE->name[0])
		pr_err("no name\n");
	pr_info("Good morning, %s says\n", "C");
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("Good night\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("A module outside of the tree");
MODULE_LICENSE("GPL");
