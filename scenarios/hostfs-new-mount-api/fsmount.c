/* Mounts hostfs at argv[1] by the new API, with argv[2] as its option where there is one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mount.h>

static int failed(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	int fs, mnt;

	if (argc < 2)
		return 2;
	if ((fs = fsopen("hostfs", 0)) < 0)
		return failed("fsopen");
	if (argc > 2 && fsconfig(fs, FSCONFIG_SET_STRING, "hostfs", argv[2], 0))
		return failed("fsconfig hostfs");
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return failed("fsconfig create");
	if ((mnt = fsmount(fs, 0, 0)) < 0)
		return failed("fsmount");
	if (move_mount(mnt, "", AT_FDCWD, argv[1], MOVE_MOUNT_F_EMPTY_PATH))
		return failed("move_mount");
	return 0;
}
