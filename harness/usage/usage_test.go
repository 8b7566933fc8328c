package usage

import (
	"errors"
	"io"
	"testing"
)

func TestJoin(t *testing.T) {
	a, b := Errorf("a: %w", io.EOF), errors.New("b")
	err := Join(nil, a, errors.Join(b, Errorf("a: %w", io.EOF)), Join(b, errors.New("c")))
	var mistake *Error
	if err == nil || err.Error() != "a: EOF\nb\nc" || !errors.As(err, &mistake) || !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if err := Join(nil, &Error{errors.Join(b, io.EOF)}); !errors.As(err, &mistake) || err.Error() != "b\nEOF" {
		t.Errorf("a mistake of several lines became %v", err)
	}
	if err := Join(nil, errors.Join(nil)); err != nil {
		t.Errorf("%v of nothing", err)
	}
}
