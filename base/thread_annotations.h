// Clang's thread-safety attributes (-Wthread-safety): which lock guards what,
// checked by the compiler. Nothing for other compilers.
#pragma once

#if defined(__clang__)
#define CANDOR_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define CANDOR_THREAD_ATTRIBUTE(x)
#endif

#define CANDOR_CAPABILITY(name) CANDOR_THREAD_ATTRIBUTE(capability(name))
#define CANDOR_SCOPED_CAPABILITY CANDOR_THREAD_ATTRIBUTE(scoped_lockable)
#define CANDOR_GUARDED_BY(mutex) CANDOR_THREAD_ATTRIBUTE(guarded_by(mutex))
#define CANDOR_REQUIRES(...) CANDOR_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define CANDOR_EXCLUDES(...) CANDOR_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define CANDOR_ACQUIRE(...) CANDOR_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define CANDOR_RELEASE(...) CANDOR_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
