/* The server that costs least: one epoll loop that answers every request with the same body.

       lean_server BYTES MILLISECONDS HOSTS        prints its port, serves until it is ended

   An answer is sent so many milliseconds after its request. It listens on 127.0.0.1 and, for HOSTS
   above 1, on 127.0.1.1 and the addresses after it. A client here sends one request at a time; the
   end of a request is its empty line, so requests with a body are not for this server. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536, EVENTS = 512, BACKLOG = 4096 };

struct answer { double due; int fd; unsigned opened; };

static char *response;
static size_t length;
static char matched[MOST];     /* how much of the empty line has come, by descriptor */
static unsigned opened[MOST];  /* counts the connections a descriptor has had */
static char listening[MOST];
static struct answer line[MOST];
static unsigned first, last;   /* of the line of answers: all wait equally long, so it is in order */

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int listen_on(const char *address, int port) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &where.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, BACKLOG)) {
        perror(address);
        exit(1);
    }
    listening[fd] = 1;
    return fd;
}

static void watch(int poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int poll, int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MOST) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        matched[fd] = 0;
        opened[fd]++;
        watch(poll, fd);
    }
}

static void answer(int fd) {
    if (send(fd, response, length, MSG_NOSIGNAL) != (ssize_t)length)
        shutdown(fd, SHUT_RDWR);  /* the next read sees the end and closes */
}

static void read_from(int fd, double delay) {
    static const char end[] = "\r\n\r\n";
    char buffer[16384];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) { close(fd); opened[fd]++; return; }
    for (ssize_t at = 0; at < got; at++) {
        int has = matched[fd];
        matched[fd] = buffer[at] == end[has] ? has + 1 : buffer[at] == '\r';
        if (matched[fd] < 4) continue;
        matched[fd] = 0;
        if (delay <= 0) answer(fd);
        else line[last++ % MOST] = (struct answer){now() + delay, fd, opened[fd]};
    }
}

int main(int count, char **given) {
    if (count != 4) return 2;
    int bytes = atoi(given[1]), hosts = atoi(given[3]), poll = epoll_create1(EPOLL_CLOEXEC);
    double delay = atof(given[2]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    response = malloc(bytes + 256);
    length = sprintf(response, "HTTP/1.1 200 OK\r\nServer: lean\r\nContent-Type: text/html\r\n"
                               "Content-Length: %d\r\n\r\n", bytes);
    memset(response + length, 'x', bytes);
    length += bytes;

    struct sockaddr_in where;
    socklen_t size = sizeof where;
    int fd = listen_on("127.0.0.1", 0);
    getsockname(fd, (struct sockaddr *)&where, &size);
    watch(poll, fd);
    for (int host = 1; hosts > 1 && host <= hosts; host++) {
        char address[24];
        snprintf(address, sizeof address, "127.0.1.%d", host);
        watch(poll, listen_on(address, ntohs(where.sin_port)));
    }
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int left = -1;  /* rounded down: better some empty turns than answers that come late */
        if (first != last) left = (int)(line[first % MOST].due - now());
        int ready = epoll_wait(poll, events, EVENTS, first != last && left < 0 ? 0 : left);
        for (int at = 0; at < ready; at++) {
            int fd = events[at].data.fd;
            if (listening[fd]) accept_all(poll, fd);
            else read_from(fd, delay);
        }
        if (first == last) continue;
        for (double instant = now(); first != last && line[first % MOST].due <= instant; first++) {
            struct answer *next = &line[first % MOST];
            if (next->opened == opened[next->fd]) answer(next->fd);
        }
    }
}
