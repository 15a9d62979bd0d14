// Package capturetest holds the tests of safedump.Capture that need a process
// of their own: one that is short of something, forbidden something, or busy.
//
// In:  nothing. Out: nothing; there are only tests here.
//
// The test binary starts itself again with the name of a role in the
// environment, sometimes as another user or in namespaces of its own.
package capturetest
