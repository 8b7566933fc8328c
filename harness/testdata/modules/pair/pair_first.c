// SPDX-License-Identifier: GPL-2.0
// Prints only when it is removed, and when something is wrong.
#include <linux/init.h>
#include <linux/module.h>

int pair_answer(void)
{
	return 42;
}
EXPORT_SYMBOL_GPL(pair_answer);

static int __init first_init(void)
{
	if (pair_answer() != 42)
		pr_err("the answer is wrong\n");
	return 0;
}

static void __exit first_exit(void)
{
	pr_info("first is gone\n");
}

module_init(first_init);
module_exit(first_exit);
MODULE_DESCRIPTION("The first of two");
MODULE_LICENSE("GPL");
