// Package discover finds what a fleet left behind in crash directories, and
// the binaries that belong to it.
//
// In:  directories: systemd-coredump's, apport's, the helper's, or any.
// Out: [Found]: cores by their first bytes, whatever their names, plain or
// compressed; apport's .crash files; crash texts, each with the core that
// tells the same death, if there is one. And [Binaries], an index of
// executables and debug files by build ID, which is kept between runs.
//
// It reads the beginnings of files only and opens no core. Symbolic links are
// not followed, nothing but regular files is opened, file systems that are no
// storage are left alone, and the number of files and levels is bounded.
package discover
