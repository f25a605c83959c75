/* Ring one of the kernel clock: nothing but the C library's own function. It must be reached by its name, so that a simulator that is
 * loaded in front of the C library stays in control.
 *
 * ntp_os_clock.timex repeats these numbers for use without a compiler; here the compiler compares them with the system's header. */
#include <sys/timex.h>
#include <time.h>

_Static_assert(CLOCK_REALTIME == 0, "clock id");
_Static_assert(ADJ_OFFSET == 0x0001 && ADJ_FREQUENCY == 0x0002 && ADJ_MAXERROR == 0x0004 && ADJ_ESTERROR == 0x0008, "modes");
_Static_assert(ADJ_STATUS == 0x0010 && ADJ_SETOFFSET == 0x0100 && ADJ_MICRO == 0x1000 && ADJ_NANO == 0x2000, "modes");
_Static_assert(ADJ_TICK == 0x4000 && ADJ_OFFSET_SINGLESHOT == 0x8001, "modes");
_Static_assert(STA_PLL == 0x0001 && STA_INS == 0x0010 && STA_DEL == 0x0020 && STA_UNSYNC == 0x0040 && STA_NANO == 0x2000, "status");
