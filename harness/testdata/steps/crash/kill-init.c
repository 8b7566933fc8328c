/* Sends init to address 0: what runs as init ends, and the kernel panics. */
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

int main(void)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_ATTACH, 1, 0, 0) || waitpid(1, NULL, __WALL) != 1 || ptrace(PTRACE_GETREGS, 1, 0, &regs)) {
		perror("ptrace");
		return 1;
	}
	regs.rip = 0;
	regs.orig_rax = -1; /* no system call is begun anew */
	if (ptrace(PTRACE_SETREGS, 1, 0, &regs) || ptrace(PTRACE_DETACH, 1, 0, 0)) {
		perror("ptrace");
		return 1;
	}
	return 0;
}
