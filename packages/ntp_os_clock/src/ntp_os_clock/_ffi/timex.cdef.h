/* The kernel's clock parameters, as clock_adjtime(2) of Linux takes and returns them. One text for both ways of calling it: compiled, the
 * compiler checks it against the system's header; without a compiler it is all there is, so it is complete, with its padding. */
struct timeval {
    long tv_sec;
    long tv_usec; /* nanoseconds in a call with ADJ_NANO */
};

struct timex {
    unsigned int modes;    /* which of the fields below are to be set */
    long offset;           /* what the kernel's own loop still slews, ns or us */
    long freq;             /* frequency correction, 2^-16 ppm */
    long maxerror;         /* bound of the error, us */
    long esterror;         /* estimated error, us */
    int status;            /* STA_ bits */
    long constant;         /* time constant of the kernel's loop; with ADJ_TAI: TAI - UTC, s */
    long precision;
    long tolerance;
    struct timeval time;   /* the clock; with ADJ_SETOFFSET: how far to set it */
    long tick;             /* length of a tick of 1/100 s, us */
    long ppsfreq;
    long jitter;
    int shift;
    long stabil;
    long jitcnt;
    long calcnt;
    long errcnt;
    long stbcnt;
    int tai;               /* TAI - UTC, s */
    int : 32; int : 32; int : 32; int : 32;
    int : 32; int : 32; int : 32; int : 32;
    int : 32; int : 32; int : 32;
};

int clock_adjtime(int clock_id, struct timex *parameters);
