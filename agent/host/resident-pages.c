// The one system call that Node.js doesn't offer: madvise(MADV_DONTNEED). Which pages is decided in resident-pages.ts. Compiled by
// scripts/build against no header of Node's: the four calls below are part of its stable interface (Node-API, version 1).
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

typedef void *environment;
typedef void *value;
typedef void *call;
extern int napi_get_cb_info(environment, call, size_t *, value *, value *, void **);
extern int napi_get_value_int64(environment, value, long long *);
extern int napi_create_int32(environment, int, value *);
extern int napi_create_function(environment, const char *, size_t, value (*)(environment, call), void *, value *);

// (address, bytes) → 0 or an errno
static value release(environment env, call info) {
  value arguments[2], result = NULL;
  size_t count = 2;
  long long address = 0, bytes = 0;
  int code = EINVAL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == 0 && count == 2 &&
      napi_get_value_int64(env, arguments[0], &address) == 0 && napi_get_value_int64(env, arguments[1], &bytes) == 0 &&
      address > 0 && bytes > 0)
    code = madvise((void *)address, (size_t)bytes, MADV_DONTNEED) == 0 ? 0 : errno;
  napi_create_int32(env, code, &result);
  return result;
}

__attribute__((visibility("default"))) value napi_register_module_v1(environment env, value exports) {
  value function = NULL;
  return napi_create_function(env, "release", 7, release, NULL, &function) == 0 ? function : exports;
}
