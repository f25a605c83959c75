/*
 * simshim: a small LD_PRELOAD library put IN FRONT of a clock/network
 * simulator's own preload library that only knows select()/poll().
 *
 *   LD_PRELOAD=/path/simshim.so:/path/clknetsim.so program ...
 *
 * It adds what some programs need and the simulator's library lacks:
 *   - pselect(), ppoll()               -> select()/poll() (with the signal mask)
 *   - epoll_create/ctl/wait/pwait      -> select() for simulated descriptors,
 *                                         the real epoll (never blocking) for
 *                                         real ones (self-pipes, eventfds)
 *   - SO_TIMESTAMPNS / SO_TIMESTAMP    -> SCM_TIMESTAMPNS/SCM_TIMESTAMP made
 *                                         from the simulated clock
 *   - SOCK_NONBLOCK | SOCK_CLOEXEC in socket(), accept4()
 *   - getpeername() of a connected socket
 *   - ioctl FIONBIO, FIOCLEX, FIONCLEX on simulated descriptors
 *   - send/recv & co on real descriptors (socketpair self-pipe, AF_UNIX)
 *   - select()/poll(): real descriptors are asked for their real state
 *   - eventfd() is the kernel's one again
 *   - sleeps of threads other than the main one are real
 *   - netlink sockets are real; so are AF_UNIX ones with SIMSHIM_REAL_UNIX set
 *   - syscall(): numbers the simulator would abort on
 *
 * Written for this measurement from the documented libc interfaces.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <linux/errqueue.h>

#define SIM_SOCK0 100		/* simulated sockets */
#define SIM_SOCK1 120
#define SIM_TMR0 200		/* simulated timer descriptors */
#define SIM_TMR1 280

static int is_simsock(int fd) { return fd >= SIM_SOCK0 && fd < SIM_SOCK1; }
static int is_sim(int fd) { return is_simsock(fd) || (fd >= SIM_TMR0 && fd < SIM_TMR1) || fd >= 1000; }

static void *libc_sym(const char *name) {
	static void *h;
	void *p;
	if (!h)
		h = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	p = h ? dlsym(h, name) : NULL;
	if (!p) {
		fprintf(stderr, "simshim: no %s in libc\n", name);
		abort();
	}
	return p;
}
#define REAL(ret, name, ...) static ret (*f)(__VA_ARGS__); if (!f) f = (ret (*)(__VA_ARGS__))libc_sym(name)
#define NEXT(ret, name, ...) static ret (*n)(__VA_ARGS__); if (!n) n = (ret (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int realwait(void) {
	static int ms = -1;
	if (ms < 0)
		ms = getenv("SIMSHIM_REALWAIT_MS") ? atoi(getenv("SIMSHIM_REALWAIT_MS")) : 0;
	return ms;
}

/* duplicates of an epoll descriptor (mio/tokio make one) stand for the first */
static int ep_of[256];
static int canon(int ep) { return ep >= 0 && ep < 256 && ep_of[ep] ? ep_of[ep] - 1 : ep; }

#define MAXREG 128
static struct reg { int ep, fd; uint32_t ev; epoll_data_t data; int out_told, in_told; } regs[MAXREG];
static int nregs;

static unsigned char tsns[SIM_SOCK1];	/* 1: SO_TIMESTAMP, 2: SO_TIMESTAMPNS */

/* ---- pselect / ppoll -------------------------------------------------- */

int pselect(int nfds, fd_set *r, fd_set *w, fd_set *x, const struct timespec *ts, const sigset_t *mask) {
	struct timeval tv, *ptv = NULL;
	sigset_t old;
	int ret, e;

	if (ts) {
		tv.tv_sec = ts->tv_sec;
		tv.tv_usec = (ts->tv_nsec + 999) / 1000;
		ptv = &tv;
	}
	if (mask)
		pthread_sigmask(SIG_SETMASK, mask, &old);
	ret = select(nfds, r, w, x, ptv);
	e = errno;
	if (mask)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return ret;
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask) {
	sigset_t old;
	int ret, e, ms = -1;

	if (ts)
		ms = ts->tv_sec * 1000 + (ts->tv_nsec + 999999) / 1000000;
	if (mask)
		pthread_sigmask(SIG_SETMASK, mask, &old);
	ret = poll(fds, n, ms);
	e = errno;
	if (mask)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return ret;
}

/* ---- sockets ----------------------------------------------------------- */

int socket(int domain, int type, int protocol) {
	NEXT(int, "socket", int, int, int);
	REAL(int, "socket", int, int, int);
	if (domain == AF_NETLINK || (domain == AF_UNIX && getenv("SIMSHIM_REAL_UNIX")))
		return f(domain, type, protocol);
	return n(domain, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol);
}

int accept4(int fd, struct sockaddr *a, socklen_t *l, int flags) {
	REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
	if (is_simsock(fd))
		return accept(fd, a, l);
	return f(fd, a, l, flags);
}

int setsockopt(int fd, int level, int name, const void *val, socklen_t len) {
	NEXT(int, "setsockopt", int, int, int, const void *, socklen_t);
	REAL(int, "setsockopt", int, int, int, const void *, socklen_t);
	if (!is_simsock(fd))
		return f(fd, level, name, val, len);
	if (level == SOL_SOCKET && len >= sizeof (int) &&
	    (name == SO_TIMESTAMP || name == SO_TIMESTAMPNS)) {
		tsns[fd] = *(const int *)val ? (name == SO_TIMESTAMPNS ? 2 : 1) : 0;
		return 0;
	}
	return n(fd, level, name, val, len);
}

int getsockopt(int fd, int level, int name, void *val, socklen_t *len) {
	NEXT(int, "getsockopt", int, int, int, void *, socklen_t *);
	REAL(int, "getsockopt", int, int, int, void *, socklen_t *);
	if (!is_simsock(fd))
		return f(fd, level, name, val, len);
	return n(fd, level, name, val, len);
}

#define PASS(ret, name, decl, types, args) \
	ret name decl { NEXT(ret, #name, types); REAL(ret, #name, types); \
		return is_simsock(fd) ? n args : f args; }
#define T(...) __VA_ARGS__
PASS(int, bind, (int fd, const struct sockaddr *a, socklen_t l), T(int, const struct sockaddr *, socklen_t), (fd, a, l))

/* the simulator has no getpeername(): remember what was connected to */
static struct { socklen_t len; struct sockaddr_storage a; } peer[SIM_SOCK1];

int connect(int fd, const struct sockaddr *a, socklen_t l) {
	NEXT(int, "connect", int, const struct sockaddr *, socklen_t);
	REAL(int, "connect", int, const struct sockaddr *, socklen_t);
	int r;
	if (!is_simsock(fd))
		return f(fd, a, l);
	r = n(fd, a, l);
	if (r == 0 && l <= sizeof (peer[fd].a)) {
		memcpy(&peer[fd].a, a, l);
		peer[fd].len = l;
	}
	return r;
}

int getpeername(int fd, struct sockaddr *a, socklen_t *l) {
	REAL(int, "getpeername", int, struct sockaddr *, socklen_t *);
	if (!is_simsock(fd))
		return f(fd, a, l);
	if (!peer[fd].len) {
		errno = ENOTCONN;
		return -1;
	}
	memcpy(a, &peer[fd].a, *l < peer[fd].len ? *l : peer[fd].len);
	*l = peer[fd].len;
	return 0;
}

PASS(int, listen, (int fd, int b), T(int, int), (fd, b))
PASS(int, shutdown, (int fd, int h), T(int, int), (fd, h))
PASS(int, getsockname, (int fd, struct sockaddr *a, socklen_t *l), T(int, struct sockaddr *, socklen_t *), (fd, a, l))
PASS(ssize_t, sendmsg, (int fd, const struct msghdr *m, int fl), T(int, const struct msghdr *, int), (fd, m, fl))
PASS(ssize_t, sendto, (int fd, const void *b, size_t c, int fl, const struct sockaddr *a, socklen_t l),
     T(int, const void *, size_t, int, const struct sockaddr *, socklen_t), (fd, b, c, fl, a, l))
PASS(ssize_t, send, (int fd, const void *b, size_t c, int fl), T(int, const void *, size_t, int), (fd, b, c, fl))
PASS(ssize_t, recv, (int fd, void *b, size_t c, int fl), T(int, void *, size_t, int), (fd, b, c, fl))

static void fill_msg(struct msghdr *m, struct iovec *v, void *b, size_t c) {
	memset(m, 0, sizeof (*m));
	v->iov_base = b;
	v->iov_len = c;
	m->msg_iov = v;
	m->msg_iovlen = 1;
}

ssize_t recvfrom(int fd, void *b, size_t c, int fl, struct sockaddr *a, socklen_t *l) {
	REAL(ssize_t, "recvfrom", int, void *, size_t, int, struct sockaddr *, socklen_t *);
	struct sockaddr_storage ss;
	struct msghdr m;
	struct iovec v;
	ssize_t r;

	if (!is_simsock(fd))
		return f(fd, b, c, fl, a, l);
	fill_msg(&m, &v, b, c);		/* a NULL address is allowed */
	m.msg_name = a && l ? (void *)a : (void *)&ss;
	m.msg_namelen = a && l ? *l : sizeof (ss);
	r = recvmsg(fd, &m, fl);
	if (r >= 0 && a && l)
		*l = m.msg_namelen;
	return r;
}

ssize_t recvmsg(int fd, struct msghdr *m, int fl) {
	NEXT(ssize_t, "recvmsg", int, struct msghdr *, int);
	REAL(ssize_t, "recvmsg", int, struct msghdr *, int);
	size_t room, used, need;
	struct cmsghdr *cm;
	struct timespec ts;
	ssize_t r;
	int i;

	if (!is_simsock(fd))
		return f(fd, m, fl);
	room = m->msg_control ? m->msg_controllen : 0;
	m->msg_flags = 0;
	r = n(fd, m, fl);
	if (!(fl & MSG_ERRQUEUE))
		for (i = 0; i < nregs; i++)	/* re-arm an edge-triggered reader */
			if (regs[i].fd == fd)
				regs[i].in_told = 0;
	if (r >= 0 && (fl & MSG_ERRQUEUE))	/* the kernel counts OPT_ID from 0 */
		for (cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm))
			if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_RECVERR)
				((struct sock_extended_err *)CMSG_DATA(cm))->ee_data--;
	if (r < 0 || !tsns[fd] || (fl & MSG_ERRQUEUE) || !room)
		return r;
	used = m->msg_controllen;
	need = CMSG_SPACE(sizeof (ts));
	if (used + need > room)
		return r;
	cm = (struct cmsghdr *)((char *)m->msg_control + used);
	memset(cm, 0, need);
	clock_gettime(CLOCK_REALTIME, &ts);
	cm->cmsg_level = SOL_SOCKET;
	if (tsns[fd] == 2) {
		cm->cmsg_type = SO_TIMESTAMPNS;
		cm->cmsg_len = CMSG_LEN(sizeof (ts));
		memcpy(CMSG_DATA(cm), &ts, sizeof (ts));
	} else {
		struct timeval tv = { ts.tv_sec, ts.tv_nsec / 1000 };
		cm->cmsg_type = SO_TIMESTAMP;
		cm->cmsg_len = CMSG_LEN(sizeof (tv));
		memcpy(CMSG_DATA(cm), &tv, sizeof (tv));
	}
	m->msg_controllen = used + need;
	return r;
}

int ioctl(int fd, unsigned long req, ...) {
	NEXT(int, "ioctl", int, unsigned long, ...);
	REAL(int, "ioctl", int, unsigned long, ...);
	va_list ap;
	void *arg;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (is_sim(fd) && (req == FIONBIO || req == FIOCLEX || req == FIONCLEX))
		return 0;
	if (!is_sim(fd) && (req == FIONBIO || req == FIOCLEX || req == FIONCLEX || req == FIONREAD))
		return f(fd, req, arg);
	return n(fd, req, arg);
}

int fcntl(int fd, int cmd, ...) {
	NEXT(int, "fcntl", int, int, ...);
	REAL(int, "fcntl", int, int, ...);
	va_list ap;
	void *arg;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (is_sim(fd))
		return n(fd, cmd, arg);
	r = f(fd, cmd, arg);
	if ((cmd == 0 || cmd == 1030) && r >= 0 && r < 256)	/* F_DUPFD, F_DUPFD_CLOEXEC */
		ep_of[r] = canon(fd) + 1;
	return r;
}
int fcntl64(int fd, int cmd, ...) {
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fcntl(fd, cmd, arg);
}

int eventfd(unsigned int init, int flags) {
	REAL(int, "eventfd", unsigned int, int);
	return f(init, flags);
}

/* ---- epoll -------------------------------------------------------------- */


int epoll_create1(int flags) {
	REAL(int, "epoll_create1", int);
	return f(flags);
}
int epoll_create(int size) { (void)size; return epoll_create1(0); }

int epoll_ctl(int ep, int op, int fd, struct epoll_event *ev) {
	REAL(int, "epoll_ctl", int, int, int, struct epoll_event *);
	int i;

	if (!is_sim(fd))
		return f(ep, op, fd, ev);
	ep = canon(ep);
	for (i = 0; i < nregs && !(regs[i].ep == ep && regs[i].fd == fd); i++)
		;
	switch (op) {
	case EPOLL_CTL_ADD:
		if (i == nregs) {
			if (nregs == MAXREG) { errno = ENOSPC; return -1; }
			nregs++;
		}
		/* fall through */
	case EPOLL_CTL_MOD:
		if (i >= nregs) { errno = ENOENT; return -1; }
		regs[i].ep = ep; regs[i].fd = fd; regs[i].ev = ev->events;
		regs[i].data = ev->data; regs[i].out_told = regs[i].in_told = 0;
		return 0;
	case EPOLL_CTL_DEL:
		if (i < nregs)
			regs[i] = regs[--nregs];
		return 0;
	}
	errno = EINVAL;
	return -1;
}

static int epw(int ep, struct epoll_event *evs, int max, double timeout) {
	REAL(int, "epoll_wait", int, struct epoll_event *, int, int);
	fd_set r, w, x;
	struct timeval tv;
	int i, n, hi = -1, ret, sims = 0;

	ep = canon(ep);
	for (i = 0; i < nregs; i++)
		sims += regs[i].ep == ep;
	/* real descriptors first; wait for them only if there is nothing else */
	n = f(ep, evs, max, timeout < 0 && !sims ? -1 : timeout == 0 ? 0 : realwait());
	if (n != 0)
		return n;
	/* edge-triggered writers: told once per registration */
	for (i = 0; i < nregs && n < max; i++) {
		if (regs[i].ep != ep || !(regs[i].ev & EPOLLOUT) ||
		    ((regs[i].ev & EPOLLET) && regs[i].out_told))
			continue;
		regs[i].out_told = 1;
		evs[n].events = EPOLLOUT;
		evs[n].data = regs[i].data;
		n++;
	}
	if (n)
		return n;
	FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&x);
	for (i = 0; i < nregs; i++) {
		if (regs[i].ep != ep)
			continue;
		if ((regs[i].ev & EPOLLIN) && !((regs[i].ev & EPOLLET) && regs[i].in_told))
			FD_SET(regs[i].fd, &r);
		FD_SET(regs[i].fd, &x);
		if (hi < regs[i].fd)
			hi = regs[i].fd;
	}
	if (timeout >= 0) {
		tv.tv_sec = timeout;
		tv.tv_usec = (timeout - tv.tv_sec) * 1e6;
	}
	ret = select(hi + 1, &r, &w, &x, timeout >= 0 ? &tv : NULL);
	if (ret <= 0)
		return ret;
	for (i = 0; i < nregs && n < max; i++) {
		uint32_t e = 0;
		if (regs[i].ep != ep)
			continue;
		if (FD_ISSET(regs[i].fd, &r)) {
			e |= EPOLLIN;
			regs[i].in_told = 1;
		}
		if (FD_ISSET(regs[i].fd, &x))
			e |= EPOLLERR | (regs[i].ev & EPOLLPRI);
		if (!e)
			continue;
		evs[n].events = e;
		evs[n].data = regs[i].data;
		n++;
	}
	return n;
}

int epoll_wait(int ep, struct epoll_event *evs, int max, int ms) {
	return epw(ep, evs, max, ms < 0 ? -1.0 : ms / 1e3);
}
int epoll_pwait(int ep, struct epoll_event *evs, int max, int ms, const sigset_t *mask) {
	sigset_t old;
	int r, e;
	if (mask)
		pthread_sigmask(SIG_SETMASK, mask, &old);
	r = epoll_wait(ep, evs, max, ms);
	e = errno;
	if (mask)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return r;
}

/*
 * select(): the simulator calls every descriptor it doesn't know "readable".
 * That turns an event loop's self-pipe into a busy loop in which simulated time
 * never advances.  Real descriptors are asked for their real state (at once,
 * or after SIMSHIM_REALWAIT_MS real milliseconds, for programs with threads).
 */
int select(int nfds, fd_set *r, fd_set *w, fd_set *x, struct timeval *tv) {
	NEXT(int, "select", int, fd_set *, fd_set *, fd_set *, struct timeval *);
	REAL(int, "poll", struct pollfd *, nfds_t, int);
	struct pollfd p[128];
	fd_set r0, w0, x0;
	int i, k, ret, wait, np = 0, ready = 0, hi = -1;

	for (i = 0; i < nfds; i++) {
		short ev = (r && FD_ISSET(i, r) ? POLLIN : 0) | (w && FD_ISSET(i, w) ? POLLOUT : 0);
		if (!ev && !(x && FD_ISSET(i, x)))
			continue;
		if (is_sim(i)) {
			hi = i;
			continue;
		}
		if (np < 128) {
			p[np].fd = i;
			p[np++].events = ev;
		}
	}
	/* with nothing simulated to wait for, wait for the real ones (a thread) */
	wait = !tv && hi < 0 ? -1 : tv && !tv->tv_sec && !tv->tv_usec ? 0 : realwait();
	if (np && f(p, np, wait) > 0) {
		if (r) FD_ZERO(r);
		if (w) FD_ZERO(w);
		if (x) FD_ZERO(x);
		for (k = 0; k < np; k++) {
			if (r && (p[k].events & POLLIN) && (p[k].revents & (POLLIN | POLLHUP | POLLERR)))
				FD_SET(p[k].fd, r), ready++;
			if (w && (p[k].events & POLLOUT) && (p[k].revents & (POLLOUT | POLLERR)))
				FD_SET(p[k].fd, w), ready++;
		}
		if (ready)
			return ready;
	}
	if (r) r0 = *r;
	if (w) w0 = *w;
	if (x) x0 = *x;
	for (k = 0; k < np; k++) {
		if (r) FD_CLR(p[k].fd, r);
		if (w) FD_CLR(p[k].fd, w);
		if (x) FD_CLR(p[k].fd, x);
	}
	ret = n(hi + 1, r, w, x, tv);
	if (ret < 0) {		/* the caller may repeat the call with the same sets */
		if (r) *r = r0;
		if (w) *w = w0;
		if (x) *x = x0;
	}
	return ret;
}

int close(int fd) {
	NEXT(int, "close", int);
	REAL(int, "close", int);
	int i;
	if (!is_sim(fd)) {
		if (fd >= 0 && fd < 256)
			ep_of[fd] = 0;
		return f(fd);
	}
	if (is_simsock(fd))
		tsns[fd] = peer[fd].len = 0;
	for (i = 0; i < nregs; )
		if (regs[i].fd == fd) regs[i] = regs[--nregs]; else i++;
	return n(fd);
}

/* ---- other --------------------------------------------------------------- */

int clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *rem) {
	struct timespec now, d;
	if (!(flags & TIMER_ABSTIME))
		return nanosleep(t, rem) ? errno : 0;
	clock_gettime(id, &now);
	d.tv_sec = t->tv_sec - now.tv_sec;
	d.tv_nsec = t->tv_nsec - now.tv_nsec;
	if (d.tv_nsec < 0) { d.tv_nsec += 1000000000; d.tv_sec--; }
	if (d.tv_sec < 0)
		return 0;
	return nanosleep(&d, NULL) ? errno : 0;
}

/* a helper thread's sleep is a real one: the simulator has one thread per node */
int nanosleep(const struct timespec *t, struct timespec *rem) {
	NEXT(int, "nanosleep", const struct timespec *, struct timespec *);
	REAL(int, "nanosleep", const struct timespec *, struct timespec *);
	return gettid() == getpid() ? n(t, rem) : f(t, rem);
}

long syscall(long nr, ...) {
	NEXT(long, "syscall", long, ...);
	REAL(long, "syscall", long, ...);
	long a[6];
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	switch (nr) {
	case SYS_clock_adjtime:
	case SYS_getrandom:
		return n(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	case SYS_adjtimex:
	case SYS_clock_settime:
	case SYS_settimeofday:
		fprintf(stderr, "simshim: refused raw syscall %ld\n", nr);
		errno = EPERM;
		return -1;
	case SYS_clock_gettime:
		return clock_gettime(a[0], (struct timespec *)a[1]);
	case SYS_epoll_pwait2: {
		errno = ENOSYS;
		return -1;
	}
	}
	return f(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
