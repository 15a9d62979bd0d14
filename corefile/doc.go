// Package corefile opens the ELF core of a crashed Go program together with its
// binary, proves that they belong together, and serves what every later stage
// reads: memory with the provenance of each byte, threads with their
// registers, the signal, the mappings.
//
// In:  two files, both hostile until proven otherwise: every header, count and
// size is checked against the file before it is used.
// Out: a [Core]; and, as plain types, the vocabulary that readers of goroutines
// share: [Goroutine], [Frame], [Registers], [Location] and the interface
// [Backend], so that the package that finds them can be exchanged.
//
// It knows ELF and Linux. It knows nothing of Go's runtime structures
// (goruntime), of types (gotype) or of variables (goscope, vars); of Go it
// reads the build ID and the build info only.
//
// # How a core is opened
//
//  0. A compressed core is unpacked into a file without a name (compression.go,
//     streams.go, unpack.go, sparse.go).
//  1. The ELF header and the program headers (elfheader.go), then the notes
//     (note.go, noteprocess.go, registers.go). A core that ends inside of these
//     is refused; one that ends behind them is opened, and says what is missing.
//  2. The memory that the core itself holds (layers.go, memory.go).
//  3. The executable's ELF header in that memory (image.go): its build IDs and
//     its load bias are facts of the process, not of a file.
//  4. The binary, named or found by build ID (find.go), its sections checked
//     (binary.go, sections.go), for a stripped one the file with its debug
//     information (debugfile.go), and the verdict on both (identity.go, bias.go).
//     Debug sections are unpacked when they are asked for (debugsection.go).
//  5. What the process says of itself on its initial stack (process.go).
//  6. Read-only pages that were not dumped, from the binary and from libraries
//     whose build ID is the one in the core (mapfiles.go).
//
// # What memory is not
//
// Nothing is made up. A page that the kernel left out is [Absent] even where
// it is likely to be zero; a writable mapping that was not dumped is absent
// even where a file has its initial contents; a file stands in only under a
// proven build ID, or, for the binary, a verdict that the Identity tells. The
// one kind of [ZeroFill] is the tail of a mapped file's last page.
//
// Files are mapped, not read: a file that another process cuts short while it
// is open makes reads of the lost part fail with SIGBUS.
package corefile
