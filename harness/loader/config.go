package loader

import (
	"bytes"
	"strings"
)

// Config is a resolved .config, as far as it decides what the loader does:
// symbol to value, without quotes; symbols that are not set are absent.
type Config map[string]string

// ReadConfig reads the text of a resolved .config.
func ReadConfig(text []byte) Config {
	c := Config{}
	for line := range bytes.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if ok && strings.HasPrefix(name, "CONFIG_") {
			c[name] = strings.Trim(value, `"`)
		}
	}
	return c
}

// On reports whether the preprocessor sees the symbol defined.
func (c Config) On(symbol string) bool { return c[symbol] == "y" }

// known decides conditions on CONFIG_ symbols from a whole .config.
func (c Config) known(name string) (value, known bool) {
	if v, ok := x86Known(name); ok {
		return v, true
	}
	if base, ok := strings.CutSuffix(name, "_MODULE"); ok && c[base] == "m" {
		return true, true
	}
	if strings.HasPrefix(name, "CONFIG_") {
		v := c[name]
		return v != "" && v != "m" && v != "n", true
	}
	return false, false
}
