/*
 * Both ends of the UDP row of the bench: replicas that send every datagram back, and a load of requests that wait for
 * their answers. In C, so that neither end is what limits the proxy between them.
 *
 *   datagrams echo PORT...
 *   datagrams load PORT CLIENTS IN_FLIGHT BYTES SECONDS [fresh]
 *
 * `load` sends from CLIENTS sockets, each with IN_FLIGHT requests outstanding. With `fresh`, a client takes a new socket
 * for each request, as resolvers do. An answer that takes longer than a second counts as lost, and the request is sent
 * again. Prints `ANSWERS LOST SECONDS`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { bytes_max = 65507, events_max = 256, lost_after_ms = 1000 };

static char buffer[bytes_max];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int udp_socket(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  return fd;
}

static void watch(int poll, int fd, uint32_t index) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void echo(int count, char **ports) {
  int poll = epoll_create1(0);
  int sockets[count];
  for (int i = 0; i < count; i++) {
    struct sockaddr_in address = loopback(atoi(ports[i]));
    sockets[i] = udp_socket();
    if (bind(sockets[i], (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    watch(poll, sockets[i], i);
  }
  puts("ready");
  fflush(stdout);
  struct epoll_event events[events_max];
  for (;;) {
    int ready = epoll_wait(poll, events, events_max, -1);
    for (int i = 0; i < ready; i++) {
      int fd = sockets[events[i].data.u32];
      struct sockaddr_in from;
      for (;;) {
        socklen_t length = sizeof from;
        ssize_t size = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
        if (size < 0) break;
        sendto(fd, buffer, size, 0, (struct sockaddr *)&from, length);
      }
    }
  }
}

struct client {
  int fd;
  double sent;
};

struct load {
  int poll, clients, in_flight, bytes, fresh;
  struct sockaddr_in to;
  struct client *all;
  long answers, lost;
};

static void request(struct client *client, int bytes) {
  client->sent = now();
  if (send(client->fd, buffer, bytes, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED) fail("send");
}

static void open_client(struct load *load, int index) {
  struct client *client = &load->all[index];
  client->fd = udp_socket();
  if (connect(client->fd, (struct sockaddr *)&load->to, sizeof load->to) < 0) fail("connect");
  watch(load->poll, client->fd, index);
}

static void answered(struct load *load, int index) {
  struct client *client = &load->all[index];
  while (recv(client->fd, buffer, sizeof buffer, 0) >= 0) {
    load->answers++;
    if (load->fresh) {
      close(client->fd);
      open_client(load, index);
    }
    request(client, load->bytes);
  }
}

static void run(struct load *load, double seconds) {
  for (int i = 0; i < load->clients; i++) {
    open_client(load, i);
    for (int j = 0; j < load->in_flight; j++) request(&load->all[i], load->bytes);
  }
  struct epoll_event events[events_max];
  double started = now(), checked = started;
  while (now() < started + seconds) {
    int ready = epoll_wait(load->poll, events, events_max, 10);
    for (int i = 0; i < ready; i++) answered(load, events[i].data.u32);
    if (now() < checked + 0.1) continue;
    checked = now();
    for (int i = 0; i < load->clients; i++) {
      if (now() - load->all[i].sent < lost_after_ms / 1000.0) continue;
      load->lost += load->in_flight;
      for (int j = 0; j < load->in_flight; j++) request(&load->all[i], load->bytes);
    }
  }
  printf("%ld %ld %.6f\n", load->answers, load->lost, now() - started);
}

int main(int count, char **arguments) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (count > 2 && strcmp(arguments[1], "echo") == 0) echo(count - 2, arguments + 2);
  if (count < 7 || strcmp(arguments[1], "load") != 0) {
    fputs("usage: datagrams echo PORT... | load PORT CLIENTS IN_FLIGHT BYTES SECONDS [fresh]\n", stderr);
    return 2;
  }
  struct load load = {
      .poll = epoll_create1(0),
      .to = loopback(atoi(arguments[2])),
      .clients = atoi(arguments[3]),
      .in_flight = atoi(arguments[4]),
      .bytes = atoi(arguments[5]),
      .fresh = count > 7 && strcmp(arguments[7], "fresh") == 0,
  };
  load.all = calloc(load.clients, sizeof *load.all);
  run(&load, atof(arguments[6]));
  return 0;
}
