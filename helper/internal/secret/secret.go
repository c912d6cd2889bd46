// Package secret keeps values that must never be printed.
package secret

import "fmt"

// redacted is what every secret prints as.
const redacted = "***"

// String is a secret text. However it is printed, logged or marshalled, it shows as ***; only
// Reveal gives the text.
type String struct{ text string }

// New makes a secret of text.
func New(text string) String { return String{text} }

// Reveal gives the text itself, to be handed to a server or a child's environment and to nothing else.
func (s String) Reveal() string { return s.text }

// IsSet says whether there is a text.
func (s String) IsSet() bool { return s.text != "" }

// String prints ***, or nothing where there is no secret.
func (s String) String() string {
	if s.text == "" {
		return ""
	}
	return redacted
}

// Format makes every verb, %#v among them, print ***.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText makes JSON and YAML hold ***.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
