// Package ours is of a module that the main module replaces: its functions are
// the program's own.
package ours

// Account is something with a limit.
type Account struct{ limit *int }

// Charge dies of an account without a limit.
func (a *Account) Charge(n int) bool {
	if n < 0 {
		return false
	}
	return *a.limit >= n
}
