// Takes the operating system's randomness away from a program, for `benches/instructions`.
//
// LuaJIT seeds the hash of its strings at random. How long the chains of its tables are then differs
// from one run to the next, and with them the number of instructions, by some percent. Preloaded,
// this makes every run alike. Nothing else uses it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>

ssize_t getrandom(void *buffer, size_t length, unsigned int flags) {
  (void)flags;
  memset(buffer, 0x5A, length);
  return (ssize_t)length;
}

// LuaJIT and mimalloc ask the kernel without the function above.
long syscall(long number, ...) {
  static long (*real)(long, ...);
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (int at = 0; at < 6; at++) arguments[at] = va_arg(list, long);
  va_end(list);
  if (number == SYS_getrandom) return getrandom((void *)arguments[0], (size_t)arguments[1], 0);
  if (real == NULL) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
              arguments[5]);
}
