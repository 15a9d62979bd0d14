// Package index remembers what crashed: occurrences, the groups that they make,
// and which files of the crash directories were dealt with.
//
// In:  an [Occurrence] for each report, made of redacted text only.
// Out: groups with first and last time, counts by host, version and day, which
// variables are always alike and which differ; lists and searches; what can be
// cleaned.
//
// It is a SQLite database in one file, or a PostgreSQL database that many hosts
// feed: one schema and one set of queries, and a dialect for what differs. Who
// writes waits for its turn, in both. Counts are kept while occurrences are
// added, not computed when somebody asks. The number of an occurrence begins
// with the time of the crash, so that the newest are the last ones and no other
// order has to be kept: lists and searches read as many rows as they show.
//
// It computes no fingerprint, reads no report and removes no file: Clean says
// which ones nothing refers to any more.
package index
