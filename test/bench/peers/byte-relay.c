/*
 * The floor of the bench: a relay that forwards bytes and understands nothing. `byte-relay PORT TARGET-PORT...`, all on
 * 127.0.0.1; each client connection goes to the next target. One thread, epoll, one buffer per direction.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 65536, EVENTS_MAX = 256 };

/* One end; what was read from it and waits to be written to `peer`. */
struct end {
  int fd;
  struct end *peer;
  int from, to, eof, dead;
  char buffer[BUFFER_BYTES];
};

static int ep;

static void watch(struct end *e, int op) {
  struct epoll_event event = {.data.ptr = e};
  if (!e->eof && e->to == 0) event.events |= EPOLLIN;
  if (e->peer->to > e->peer->from) event.events |= EPOLLOUT;
  epoll_ctl(ep, op, e->fd, &event);
}

static struct end *new_end(int fd) {
  struct end *e = calloc(1, sizeof *e);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  e->fd = fd;
  return e;
}

/* Writes what `e` has read to its peer; 0 where the connection is broken. */
static int forward(struct end *e) {
  while (e->from < e->to) {
    ssize_t sent = send(e->peer->fd, e->buffer + e->from, e->to - e->from, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    e->from += sent;
  }
  e->from = e->to = 0;
  if (e->eof) shutdown(e->peer->fd, SHUT_WR);
  return 1;
}

static int turn(struct end *e, unsigned events) {
  if (events & EPOLLERR) return 0;
  if ((events & EPOLLOUT) && !forward(e->peer)) return 0;
  if ((events & (EPOLLIN | EPOLLHUP)) && e->to == 0 && !e->eof) {
    ssize_t got = recv(e->fd, e->buffer, BUFFER_BYTES, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) e->eof = 1;
    e->to = got;
    if (!forward(e)) return 0;
  }
  if (e->eof && e->peer->eof && e->to == 0 && e->peer->to == 0) return 0;
  watch(e, EPOLL_CTL_MOD);
  watch(e->peer, EPOLL_CTL_MOD);
  return 1;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), next = 0;
  if (argc < 3) return 2;
  address.sin_port = htons(atoi(argv[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 1024) != 0) return perror("listen"), 1;
  ep = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS_MAX];
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    struct end *gone[EVENTS_MAX];
    int gone_count = 0, count = epoll_wait(ep, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      struct end *e = events[i].data.ptr;
      if (e == NULL) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), target = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons(atoi(argv[2 + next++ % (argc - 2)]));
        if (fd < 0 || connect(target, (void *)&address, sizeof address) != 0) {
          close(fd), close(target);
          continue;
        }
        /* Connected while it blocked; from here on it must not. */
        struct end *client = new_end(fd), *server = new_end(target);
        int flags = fcntl(target, F_GETFL);
        fcntl(target, F_SETFL, flags | O_NONBLOCK);
        client->peer = server, server->peer = client;
        watch(client, EPOLL_CTL_ADD), watch(server, EPOLL_CTL_ADD);
      } else if (!e->dead && !turn(e, events[i].events)) {
        close(e->fd), close(e->peer->fd);
        e->dead = e->peer->dead = 1;
        /* Freed after the turn: an event of its peer may still be in the list. */
        gone[gone_count++] = e;
      }
    }
    for (int i = 0; i < gone_count; i++) free(gone[i]->peer), free(gone[i]);
  }
}
