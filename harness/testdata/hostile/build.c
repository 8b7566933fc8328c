// SPDX-License-Identifier: GPL-2.0
// What a Makefile runs.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attempts.h"

#define TRY(name, call) printf("attempt by the build: %s = %ld\n", name, (long)(call));

int main(void)
{
	static char text[1 << 20];
	static int pids[100000];
	int fd = open("/tmp/fill", O_WRONLY | O_CREAT, 0600), n;

	ATTEMPTS(TRY)
	for (n = 0; write(fd, text, sizeof(text)) == sizeof(text); n++)
		;
	unlink("/tmp/fill");
	close(fd);
	printf("the build filled the disk with %d MB\n", n);
	for (n = 0; n < 100000; n++) {
		pids[n] = fork();
		if (pids[n] < 0)
			break;
		if (!pids[n]) { /* not even its parent's end, nor that of make, is its own */
			setsid();
			close(0), close(1), close(2);
			for (;;)
				pause();
		}
	}
	printf("the build made %d processes\n", n);
	while (n > 5) { /* else make itself has none left, nor before they are gone; the others are to be there when it has ended */
		kill(pids[--n], SIGKILL);
		waitpid(pids[n], NULL, 0);
	}
	return 0;
}
