/* What a process may give up, as prctl(2) and capset(2) of Linux take it. One text for both ways of calling it: compiled, the compiler
 * checks it against the system's headers. */
struct capability_header {
    uint32_t version;
    int pid; /* 0: this thread */
};

struct capability_sets { /* two of them: capabilities 0 to 31, and 32 to 63 */
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};

int prctl(int option, ...);
int capget(struct capability_header *header, struct capability_sets *sets);
int capset(struct capability_header *header, const struct capability_sets *sets);
