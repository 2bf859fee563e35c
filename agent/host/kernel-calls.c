// The system calls that Node.js doesn't offer, as an addon (kernel-calls.ts). Each is harmless with any arguments: what could hurt the process
// is refused here. Compiled by scripts/build/kernel-calls.ts against no header of Node's: the functions below are part of its stable
// interface (Node-API, version 1).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <link.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

typedef void *environment;
typedef void *value;
typedef void *call;
extern int napi_get_cb_info(environment, call, size_t *, value *, value *, void **);
extern int napi_get_value_int64(environment, value, long long *);
extern int napi_get_value_string_utf8(environment, value, char *, size_t, size_t *);
extern int napi_create_int32(environment, int, value *);
extern int napi_create_double(environment, double, value *);
extern int napi_create_array(environment, value *);
extern int napi_set_element(environment, value, unsigned, value);
extern int napi_create_function(environment, const char *, size_t, value (*)(environment, call), void *, value *);
extern int napi_set_named_property(environment, value, const char *, value);

struct release {
  ElfW(Addr) start, end;
  int result;
};

// Called for each program and library under the loader's own lock, so that none comes or goes meanwhile. Pages of a segment that is never
// written are the file's bytes; of any other they may exist nowhere else.
static int release_within(struct dl_phdr_info *object, size_t size, void *wanted) {
  (void)size;
  struct release *pages = wanted;
  ElfW(Addr) mask = ~((ElfW(Addr))getpagesize() - 1);
  for (int index = 0; index < object->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    ElfW(Addr) first = object->dlpi_addr + segment->p_vaddr;
    if (pages->start < (first & mask) || pages->end > ((first + segment->p_filesz + ~mask) & mask)) continue;
    pages->result = madvise((void *)pages->start, pages->end - pages->start, MADV_DONTNEED) == 0 ? 0 : errno;
    return 1;
  }
  return 0;
}

// releasePages(address, bytes) → 0 or an errno; EINVAL for what isn't code or constants of a loaded file
static value release_pages(environment env, call info) {
  value arguments[2], result = NULL;
  size_t count = 2;
  long long address = 0, bytes = 0;
  struct release pages = {0, 0, EINVAL};
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == 0 && count == 2 &&
      napi_get_value_int64(env, arguments[0], &address) == 0 && napi_get_value_int64(env, arguments[1], &bytes) == 0 &&
      address > 0 && bytes > 0) {
    pages.start = (ElfW(Addr))address;
    pages.end = pages.start + (ElfW(Addr))bytes;
    dl_iterate_phdr(release_within, &pages);
  }
  napi_create_int32(env, pages.result, &result);
  return result;
}

// clockDiscipline() → [state, status, offset, frequency, maximum error, estimated error, time constant, tick, TAI offset] in the kernel's own
// units, or undefined where it may not be asked. Nothing is set: `modes` is 0.
static value clock_discipline(environment env, call info) {
  (void)info;
  struct timex clock = {0};
  long state = syscall(SYS_adjtimex, &clock);
  if (state < 0) return NULL;
  const double numbers[] = {state,          clock.status,   clock.offset, clock.freq, clock.maxerror,
                            clock.esterror, clock.constant, clock.tick,   clock.tai};
  value list = NULL, number = NULL;
  if (napi_create_array(env, &list) != 0) return NULL;
  for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++)
    if (napi_create_double(env, numbers[index], &number) != 0 || napi_set_element(env, list, index, number) != 0) return NULL;
  return list;
}

// sendDatagram(path, text) → 0 or an errno. One message to a unix socket, from this very process and without waiting: whoever receives it
// finds the sender alive. A path that begins with @ is a name without a file. Both are bounded; what is longer is EINVAL.
static value send_datagram(environment env, call info) {
  value arguments[2], result = NULL;
  size_t count = 2, path_bytes = 0, text_bytes = 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char path[sizeof address.sun_path + 4] = {0}, text[4096];
  int failure = EINVAL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == 0 && count == 2 &&
      napi_get_value_string_utf8(env, arguments[0], path, sizeof path, &path_bytes) == 0 &&
      napi_get_value_string_utf8(env, arguments[1], text, sizeof text, &text_bytes) == 0 &&
      (path[0] == '/' || path[0] == '@') && path_bytes > 1 && path_bytes < sizeof address.sun_path && text_bytes > 0 &&
      text_bytes < sizeof text - 4) {
    memcpy(address.sun_path, path, path_bytes);
    if (path[0] == '@') address.sun_path[0] = 0;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_bytes);
    int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    failure = to < 0 ? errno : 0;
    if (to >= 0 && sendto(to, text, text_bytes, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0) failure = errno;
    if (to >= 0) close(to);
  }
  napi_create_int32(env, failure, &result);
  return result;
}

// socketAt(own address, own port, other address, other port) → [uid, inode, state] of the one TCP socket with these ends, or undefined. Addresses are
// IPv4 as one number, 0 and port 0 stand for whoever listens. One row instead of the whole table, however many sockets there are; the kernel loads
// its module tcp_diag for it. What it answers of another socket (it falls back to listeners) is none.
static value socket_at(environment env, call info) {
  value arguments[4], list = NULL, number = NULL;
  size_t count = 4;
  long long asked[4] = {0};
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != 0 || count != 4) return NULL;
  for (unsigned index = 0; index < 4; index++)
    if (napi_get_value_int64(env, arguments[index], &asked[index]) != 0 || asked[index] < 0 || asked[index] > (index % 2 ? 0xffff : 0xffffffffLL))
      return NULL;
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } question = {.head = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST}};
  question.body.sdiag_family = AF_INET;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  struct inet_diag_sockid *id = &question.body.id;
  id->idiag_src[0] = htonl((uint32_t)asked[0]);
  id->idiag_sport = htons((uint16_t)asked[1]);
  id->idiag_dst[0] = htonl((uint32_t)asked[2]);
  id->idiag_dport = htons((uint16_t)asked[3]);
  id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  union {
    struct nlmsghdr head;
    char bytes[4096];
  } answer;
  int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (kernel < 0) return NULL;
  ssize_t length = send(kernel, &question, sizeof question, 0) < 0 ? -1 : recv(kernel, &answer, sizeof answer, MSG_DONTWAIT);
  close(kernel);
  if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return NULL;
  const struct inet_diag_msg *found = NLMSG_DATA(&answer.head);
  const int is_it = asked[3] == 0 ? found->idiag_state == 10
                                  : found->id.idiag_dport == id->idiag_dport && found->id.idiag_sport == id->idiag_sport && found->idiag_state != 10;
  if (!is_it) return NULL;
  const double numbers[] = {found->idiag_uid, found->idiag_inode, found->idiag_state};
  if (napi_create_array(env, &list) != 0) return NULL;
  for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++)
    if (napi_create_double(env, numbers[index], &number) != 0 || napi_set_element(env, list, index, number) != 0) return NULL;
  return list;
}

static void offer(environment env, value exports, const char *name, size_t length, value (*call_)(environment, call)) {
  value function = NULL;
  if (napi_create_function(env, name, length, call_, NULL, &function) == 0)
    napi_set_named_property(env, exports, name, function);
}

__attribute__((visibility("default"))) value napi_register_module_v1(environment env, value exports) {
  offer(env, exports, "releasePages", sizeof "releasePages" - 1, release_pages);
  offer(env, exports, "clockDiscipline", sizeof "clockDiscipline" - 1, clock_discipline);
  offer(env, exports, "socketAt", sizeof "socketAt" - 1, socket_at);
  offer(env, exports, "sendDatagram", sizeof "sendDatagram" - 1, send_datagram);
  return exports;
}
