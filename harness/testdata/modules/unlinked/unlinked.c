// SPDX-License-Identifier: GPL-2.0
// Calls what no kernel has.
#include <linux/init.h>
#include <linux/module.h>

int no_such_function(void);

static int __init unlinked_init(void)
{
	return no_such_function();
}

module_init(unlinked_init);
MODULE_DESCRIPTION("A module that lacks a symbol");
MODULE_LICENSE("GPL");
