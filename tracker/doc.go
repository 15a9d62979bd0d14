// Package tracker puts crash reports into bug trackers: one issue for a group of
// crashes, one comment for each further way into the same bug.
//
// In:  redacted reports ([Report]), a [Tracker], and how much a run may write.
// Out: what became of each report ([Outcome]).
//
// What was told already is read from the tracker alone, from marker lines in the
// texts of issues and comments ([Marker]): any machine may attach, and a run that
// was killed between two requests is finished by the next one. Whatever changes
// something is therefore never repeated blindly: when it is not known whether a
// request was taken, the tracker is looked at again.
//
// It makes no text of a report (export does), reads no environment and no file, and
// keeps no state.
package tracker
