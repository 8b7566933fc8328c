package usage

import (
	"errors"
	"fmt"
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
	// What wraps several stays whole.
	several := errors.Join(errors.New("x:1"), errors.New("x:2"))
	err = Join(&Error{several}, fmt.Errorf("both: %w, %w", a, b))
	if mistake = nil; err.Error() != "x:1\nx:2\nboth: a: EOF, b" || !errors.As(err, &mistake) || mistake.Err != several {
		t.Errorf("%v, with %v", err, mistake)
	}
	if err := Join(nil, errors.Join(nil)); err != nil {
		t.Errorf("%v of nothing", err)
	}
}
