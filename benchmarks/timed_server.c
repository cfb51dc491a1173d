/* A server that keeps its own service times; latency.py compiles, starts and ends it.

   usage: timed_server DELAY_US ANSWER

   Listens on a free port of 127.0.0.1, whose number is the first line it writes, and sends the bytes of the file ANSWER to every
   request, at once or that many microseconds after it came. When its standard input ends it writes a line for each request,
   "ID NANOSECONDS", and ends. ID is the request's x-request-id; the time runs from the kernel's stamp on the request's last
   segment, which it gets on arrival, however late this program reads it, to the moment before the answer's write. One thread,
   nothing written meanwhile. A request with a body is not understood. Linux. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 1024
#define RECORDS (1 << 18)
#define SECOND 1000000000LL

struct record {
    char id[56];
    long long took;
};
struct connection { /* its number is its descriptor */
    char buffer[4096], id[56];
    size_t have;
    long long came, due; /* due is 0 when no answer is owed */
};
struct debt {
    int fd;
    long long due;
};

static struct record records[RECORDS];
static struct connection connections[CONNECTIONS];
static struct debt debts[RECORDS]; /* all are owed for the same time, so the first made is the first due */
static size_t recorded, owed, paid;
static char answer[65536];
static size_t answer_size;
static long long delay;
static int events, listener, timer;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time); /* the clock of the kernel's stamps */
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(events, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)) fail("SO_TIMESTAMPNS"); /* connections inherit it */
    if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) fail("TCP_NODELAY");
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 512)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void read_answer(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    answer_size = fread(answer, 1, sizeof answer, file);
    fclose(file);
}

static void accept_all(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS) fail("too many connections");
        connections[fd].have = 0;
        connections[fd].due = 0;
        watch(fd);
    }
}

/* Reads what there is, with the kernel's stamp of it; less than 1 when the connection has ended. */
static ssize_t receive(int fd, struct connection *from) {
    char control[256];
    struct iovec place = {from->buffer + from->have, sizeof from->buffer - 1 - from->have};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(fd, &message, 0);
    struct cmsghdr *part = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (size < 1) return size;
    while (part && !(part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS)) part = CMSG_NXTHDR(&message, part);
    if (!part) fail("no stamp of the kernel's");
    struct timespec *stamp = (struct timespec *)CMSG_DATA(part);
    from->came = stamp->tv_sec * SECOND + stamp->tv_nsec;
    from->have += size;
    from->buffer[from->have] = 0;
    return size;
}

static void read_id(struct connection *of) {
    char *found = strcasestr(of->buffer, "\r\nx-request-id:");
    of->id[0] = 0;
    if (found) sscanf(found + 15, " %55[^\r\n]", of->id);
}

static void send_answer(int fd, struct connection *to) {
    struct record *record = &records[recorded++];
    if (recorded == RECORDS) fail("too many requests");
    strcpy(record->id, to->id);
    to->have = 0;
    to->due = 0;
    record->took = now() - to->came;
    if (send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t)answer_size) fail("send");
}

static void arm(long long due) {
    struct itimerspec when = {.it_value = {due / SECOND, due % SECOND}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL)) fail("timerfd_settime");
}

static void owe(int fd, struct connection *to) {
    to->due = to->came + delay;
    debts[owed] = (struct debt){fd, to->due};
    if (owed++ == paid) arm(to->due);
    if (owed == RECORDS) fail("too many requests");
}

static void pay(void) {
    for (; paid < owed && debts[paid].due <= now(); paid++) {
        struct connection *to = &connections[debts[paid].fd];
        if (to->due == debts[paid].due) send_answer(debts[paid].fd, to); /* else it was closed meanwhile */
    }
    arm(paid < owed ? debts[paid].due : 0); /* 0: not at all */
}

static void serve(int fd) {
    struct connection *one = &connections[fd];
    if (receive(fd, one) < 1) {
        one->due = 0;
        close(fd);
        return;
    }
    if (!strstr(one->buffer, "\r\n\r\n")) return;
    read_id(one);
    if (delay)
        owe(fd, one);
    else
        send_answer(fd, one);
}

static void report(void) {
    for (size_t number = 0; number < recorded; number++)
        if (records[number].id[0]) printf("%s %lld\n", records[number].id, records[number].took);
    exit(0);
}

int main(int count, char **arguments) {
    struct epoll_event ready[64];
    if (count != 3) return 2;
    delay = atoll(arguments[1]) * 1000;
    read_answer(arguments[2]);
    events = epoll_create1(0);
    timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    listen_somewhere();
    watch(listener);
    watch(timer);
    watch(STDIN_FILENO);
    for (;;) {
        int many = epoll_wait(events, ready, 64, -1);
        for (int number = 0; number < many; number++) {
            int fd = ready[number].data.fd;
            if (fd == listener) accept_all();
            else if (fd == timer) pay();
            else if (fd == STDIN_FILENO) report();
            else serve(fd);
        }
    }
}
