// Package bisect finds where candidates turn from good to bad. It imports nothing
// of umlab and never builds, boots or prints.
//
// A [Search] is given a good and a bad end with what lies between them, which is a
// [List] or the [Commits] of a repository, and a [Probe] that says of one candidate
// that it is good, that it is bad, or that it says nothing of the question (skip):
// it does not build, say, or fails in another way. It goes like this:
//
//   - Both ends are probed first. Where the first is not good or the last is not
//     bad there is nothing to look for, and [EndError] says what was seen.
//   - Then one by one what the [Chooser] wants. Of a list that is always the
//     candidate in the middle of those that are untested and lie between the last
//     one known to be good and the first one known to be bad; of commits it is the
//     one that git bisect wants. A candidate that is skipped is not asked again.
//   - When none is left, the last good and the first bad one are probed again,
//     afresh. Where one of them says something else this time, [FlakyError] says
//     so, and there is no answer. A commit that git has concluded of without
//     asking is asked now; where that is skipped, the one before it is.
//
// The answer, [Found], claims no more than was seen: that one candidate is good,
// that a later one is bad, and that all those between the two were skipped. It
// names a culprit only where there is none between. On a list that changes more
// than once it is one of the changes, and a true one.
//
// An error of the probe is a fault of the infrastructure, not of the candidate.
// It is tried again; when it stays, the search ends with [FaultError] and without
// an answer. Nothing is lost by that: each answer is written to a log, one line
// each, as soon as it is there, and a search that is given that log asks only
// what it does not hold (see [ParseLog]).
//
// # Cost
//
// Of a list of N candidates, at most ⌈log2 N⌉ + 3 are probed, ends included, and
// two of these twice; each one that is skipped may add one. A list that knows which
// candidates are cheap takes one of these where it is as good a choice. It may also
// have guesses from elsewhere: then it looks first where these put the change, as
// long as the bound above holds though they be wrong. A guess never answers.
//
// # Trace
//
// What happens is told as [Event]s. [Trace] turns one into a line, such as
//
//	step 4 of at most 7: debian-rustc:1.96.1 (middle of 4 left): bad: relocation-unknown 9 GOTPCREL, 92 s; about 5 min left
package bisect
