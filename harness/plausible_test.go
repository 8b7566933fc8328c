package harness_test

import (
	"math"
	"testing"
)

// plausible is the range of counts that n trials of probability p show, all but
// a share of tail on each side: the other way round than loader.Wilson, for a test
// that must not fail by chance more often than tail says.
func plausible(p float64, n int, tail float64) (low, high int) {
	p = min(max(p, 0), 1)
	low, high = 0, n
	for sum := 0.0; low < n; low++ {
		if sum += binomial(n, low, p); sum > tail {
			break
		}
	}
	for sum := 0.0; high > low; high-- {
		if sum += binomial(n, high, p); sum > tail {
			break
		}
	}
	return low, high
}

func binomial(n, k int, p float64) float64 {
	switch {
	case p == 0 && k == 0, p == 1 && k == n:
		return 1
	case p == 0, p == 1:
		return 0
	}
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func TestPlausible(t *testing.T) {
	for _, test := range []struct {
		p         float64
		n         int
		low, high int
	}{{0, 20, 0, 0}, {1, 20, 20, 20}, {0.5, 20, 4, 16}} {
		if low, high := plausible(test.p, test.n, 0.005); low != test.low || high != test.high {
			t.Errorf("p %.1f n %d: %d–%d, want %d–%d", test.p, test.n, low, high, test.low, test.high)
		}
	}
}
