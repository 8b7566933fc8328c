#include <stdio.h>
int main(int argc, char **argv)
{
	printf("args: %d %s\n", argc, argv[1]);
	fflush(stdout);
	*(volatile int *)8 = 1;
	return 0;
}
