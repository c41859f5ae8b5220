/* SPDX-License-Identifier: Apache-2.0 */
/* User, group, root directory. Names are read from the files themselves: nothing is loaded for
 * it, so that a static binary does the same. */
#include "process.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS 256

struct rights {
	bool has_user, has_group;
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS]; /* of the user, <gid> included */
	size_t ngroups;
	char root[4096];
};

static bool refuse(char *err, size_t room, const char *what, struct str name, int code)
{
	snprintf(err, room, "%s %.*s%s%s", what, STR_ARG(name), code ? ": " : "",
		 code ? strerror(code) : "");
	return false;
}

/* Finds user <name>; a number need not be in the file. */
static bool find_user(struct rights *r, struct str name, char *login, size_t login_room)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw;
	uint64_t id;
	bool number = str_u64(name, UINT32_MAX - 1, &id), found = false;

	login[0] = 0;
	while (!found && f && (pw = fgetpwent(f))) {
		if (number ? pw->pw_uid != id : !str_eq(str_from(pw->pw_name), name))
			continue;
		found = true;
		r->uid = pw->pw_uid;
		if (!r->has_group)
			r->gid = pw->pw_gid;
		r->has_group = true;
		snprintf(login, login_room, "%s", pw->pw_name);
	}
	if (f)
		fclose(f);
	if (!found && number)
		r->uid = (uid_t)id;
	r->has_user = found || number;
	return r->has_user;
}

static bool find_group(struct rights *r, struct str name)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *gr;
	uint64_t id;

	r->has_group = str_u64(name, UINT32_MAX - 1, &id);
	r->gid = (gid_t)id;
	while (!r->has_group && f && (gr = fgetgrent(f))) {
		if (!str_eq(str_from(gr->gr_name), name))
			continue;
		r->has_group = true;
		r->gid = gr->gr_gid;
	}
	if (f)
		fclose(f);
	return r->has_group;
}

/* The groups that name <login> as a member, after <gid>. */
static void find_groups(struct rights *r, const char *login)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *gr;

	r->groups[0] = r->gid;
	r->ngroups = 1;
	while (login[0] && f && (gr = fgetgrent(f))) {
		for (char **m = gr->gr_mem; *m; m++) {
			if (strcmp(*m, login) != 0 || gr->gr_gid == r->gid || r->ngroups == GROUPS)
				continue;
			r->groups[r->ngroups++] = gr->gr_gid;
			break;
		}
	}
	if (f)
		fclose(f);
}

static bool find(struct rights *r, const struct process_rights *want, char *err, size_t room)
{
	char login[256] = "";

	*r = (struct rights) { 0 };
	if (want->group.n && !find_group(r, want->group))
		return refuse(err, room, "there is no group", want->group, 0);
	if (want->user.n && !find_user(r, want->user, login, sizeof(login)))
		return refuse(err, room, "there is no user", want->user, 0);
	if (r->has_user && !r->has_group)
		return refuse(err, room,
			      "this user has no entry in /etc/passwd, so name a group too:",
			      want->user, 0);
	if (want->root.n >= sizeof(r->root))
		return refuse(err, room, "chroot", want->root, ENAMETOOLONG);
	if (want->root.n)
		memcpy(r->root, want->root.p, want->root.n);
	if (r->has_group)
		find_groups(r, login);
	return true;
}

bool process_drop_check(const struct process_rights *want, char *err, size_t room)
{
	struct rights r;
	struct stat st;

	if (!find(&r, want, err, room))
		return false;
	if (r.root[0] && (stat(r.root, &st) != 0 || !S_ISDIR(st.st_mode)))
		return refuse(err, room, "there is no directory", want->root, 0);
	if (geteuid() != 0 && (r.root[0] || (r.has_user && r.uid != geteuid())))
		return refuse(err, room, "only root can change user or root directory", S(""), 0);
	return true;
}

static bool drop_groups(const struct rights *r)
{
	if (!r->has_group)
		return true;
	if (geteuid() != 0) /* a user may at most stay in its group */
		return r->gid == getegid() || (errno = EPERM, false);
	return setgroups(r->ngroups, r->groups) == 0 && setresgid(r->gid, r->gid, r->gid) == 0;
}

static bool drop_user(const struct rights *r)
{
	if (!r->has_user || (r->uid == geteuid() && r->uid == getuid()))
		return true;
	if (setresuid(r->uid, r->uid, r->uid) != 0)
		return false;
	/* No way back, or the whole of it was for nothing. */
	if (r->uid != 0 && (setuid(0) == 0 || geteuid() == 0 || getuid() == 0)) {
		errno = EPERM;
		return false;
	}
	return true;
}

/* After the change of user: of the kept capabilities CAP_NET_ADMIN alone stays. */
static bool keep_net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		[CAP_TO_INDEX(CAP_NET_ADMIN)] = { .effective = CAP_TO_MASK(CAP_NET_ADMIN),
						  .permitted = CAP_TO_MASK(CAP_NET_ADMIN) },
	};

	return syscall(SYS_capset, &head, data) == 0;
}

bool process_drop(const struct process_rights *want, char *err, size_t room)
{
	bool keep = want->foreign && want->user.n && geteuid() == 0;
	struct rights r;

	if (!find(&r, want, err, room))
		return false;
	if (r.root[0] && (chroot(r.root) != 0 || chdir("/") != 0))
		return refuse(err, room, "chroot", want->root, errno);
	if (!drop_groups(&r))
		return refuse(err, room, "cannot become group",
			      want->group.n ? want->group : want->user, errno);
	if (keep && prctl(PR_SET_KEEPCAPS, 1) != 0)
		return refuse(err, room, "cannot keep CAP_NET_ADMIN for user", want->user, errno);
	if (!drop_user(&r))
		return refuse(err, room, "cannot become user", want->user, errno);
	if (keep && r.uid != 0 && !keep_net_admin())
		return refuse(err, room, "cannot keep CAP_NET_ADMIN for user", want->user, errno);
	return true;
}
