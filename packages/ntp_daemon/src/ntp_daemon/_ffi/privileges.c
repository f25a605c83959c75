/* Ring one of giving up privileges: the C library's own functions, and nothing else. capget and capset have no header in the C library; their
 * arguments are the kernel's structures, whose layout is compared here with ours. */
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

struct capability_header {
    uint32_t version;
    int pid;
};

struct capability_sets {
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};

int capget(struct capability_header *header, struct capability_sets *sets);
int capset(struct capability_header *header, const struct capability_sets *sets);

/* ntp_daemon.capabilities repeats these numbers. */
_Static_assert(_LINUX_CAPABILITY_VERSION_3 == 0x20080522 && _LINUX_CAPABILITY_U32S_3 == 2, "version of the capabilities");
_Static_assert(sizeof(struct capability_header) == sizeof(struct __user_cap_header_struct), "header");
_Static_assert(sizeof(struct capability_sets) == sizeof(struct __user_cap_data_struct), "sets");
_Static_assert(offsetof(struct capability_sets, permitted) == offsetof(struct __user_cap_data_struct, permitted), "sets");
_Static_assert(CAP_SYS_TIME == 25, "capability");
_Static_assert(PR_SET_KEEPCAPS == 8 && PR_CAPBSET_DROP == 24 && PR_SET_NO_NEW_PRIVS == 38, "options");
_Static_assert(PR_CAP_AMBIENT == 47 && PR_CAP_AMBIENT_CLEAR_ALL == 4, "options");
