// Package batch reports everything in crash directories, a process for each
// crash, and puts it into the index.
//
// In:  directories, where to look for binaries, a store.
// Out: redacted reports and an index in the store, and an [Outcome].
//
// [Run] is the batch. It reads no core: for each one it starts a worker, the
// command of [Options.Worker], whose main calls [Work]. A worker may read its
// inputs and write into a directory of its own, has no network, bounds on
// memory, time and output, and nothing to gain from a crash of its own. What it
// answers is bounded and checked like any other input. One hostile core is a
// file that failed, with the reason.
//
// A batch may be killed at any moment. A worker's report and answer appear by
// renaming, the answer last; the batch moves the report to its place, then
// records occurrence and file in one transaction, then removes the answer.
// What is found in a worker's directory at the next start is either a whole
// answer, which is taken up, or nothing.
//
// It prints nothing, and does not say what is told in the morning: package
// night does.
package batch
