// SPDX-License-Identifier: GPL-2.0
// Does not compile.
#include <linux/module.h>

int broken(void)
{
	return no_such_variable;
}
MODULE_LICENSE("GPL");
