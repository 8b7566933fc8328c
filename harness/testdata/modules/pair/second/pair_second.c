// SPDX-License-Identifier: GPL-2.0
// Cannot be loaded without pair_first.
#include <linux/init.h>
#include <linux/module.h>

int pair_answer(void);

static int __init second_init(void)
{
	return pair_answer() == 42 ? 0 : -EINVAL;
}

static void __exit second_exit(void)
{
}

module_init(second_init);
module_exit(second_exit);
MODULE_DESCRIPTION("The second of two");
MODULE_LICENSE("GPL");
