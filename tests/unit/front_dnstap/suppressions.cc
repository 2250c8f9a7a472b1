// libfstrm is not built with the thread sanitizer, which therefore does not see how its queue hands octets
// from one thread to the other. Reports with a frame of that library in their stacks are left out; all others
// count.
extern "C" const char* __tsan_default_suppressions();   // NOLINT: the sanitizer's name
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "race:libfstrm.so\n";
}
