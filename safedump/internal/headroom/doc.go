// Package headroom tells how much more memory this process may use before
// somebody is killed for it.
//
// In:  /proc/meminfo, /proc/self/cgroup, /proc/self/mountinfo and the memory
// controllers, version 1 and 2, of the cgroup and all above it.
// Out: the narrowest of these bounds, with its name. What can't be read bounds
// nothing.
//
// Page cache that nobody has used lately counts as free, as the kernel gives
// it back before it kills.
package headroom
