// Package usage is the mistake of a caller: a name, a flag or a file that cannot
// be meant, and the name that was probably meant. It imports nothing of umlab.
package usage

import (
	"errors"
	"fmt"
	"slices"
)

// Error is a mistake of the caller, found before anything was done.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an *Error as fmt.Errorf does.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Join is errors.Join of errs, each text once: plans that differ in one flag
// share what is wrong with the others.
func Join(errs ...error) error { return errors.Join(Flatten(errs...)...) }

// Flatten returns the errors that errs were joined of, each text once. What wraps
// several in a sentence of its own is one.
func Flatten(errs ...error) (once []error) {
	var add func(err error)
	add = func(err error) {
		several, _ := err.(interface{ Unwrap() []error })
		switch {
		case err == nil:
		case several != nil && errors.Join(several.Unwrap()...).Error() == err.Error(): // not one of fmt's
			for _, e := range several.Unwrap() {
				add(e)
			}
		case !slices.ContainsFunc(once, func(e error) bool { return e.Error() == err.Error() }):
			once = append(once, err)
		}
	}
	for _, err := range errs {
		add(err)
	}
	return once
}
