// Package json rewrites texts and numbers inside JSON. Everything else stays as it is: order, spaces, repeated keys, and how numbers and
// other texts are written.
package json

import (
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leaf"
)

// Rewriter keeps buffers from one value to the next. The zero value is ready to be used.
type Rewriter struct {
	in      []byte
	at      int
	out     []byte
	path    [][]byte
	replace leaf.Replacer
	scratch []byte
	decoded []byte
}

// Looks says whether a value may be a list or an object of JSON, by its first and last byte.
func Looks(value []byte) bool {
	if len(value) < 2 {
		return false
	}
	last := value[len(value)-1]
	return value[0] == '{' && last == '}' || value[0] == '[' && last == ']'
}

// Valid says whether a value is JSON.
func Valid(value []byte) bool { return json.Valid(value) }

// Rewrite appends the value to dst, with its texts and numbers replaced. It is false, and dst as it was, if value is not JSON, or nested too
// deeply.
func (r *Rewriter) Rewrite(dst, value []byte, replace leaf.Replacer) ([]byte, bool) {
	if !json.Valid(value) {
		return dst, false
	}
	r.in, r.at, r.out, r.path, r.replace = value, 0, dst, r.path[:0], replace
	r.decoded = r.decoded[:0]
	ok := r.value()
	r.spaces()
	out := r.out
	r.in, r.out, r.replace = nil, nil, nil
	if !ok {
		return dst, false
	}
	return out, true
}

// spaces copies what may be between the parts.
func (r *Rewriter) spaces() {
	begin := r.at
	for r.at < len(r.in) && (r.in[r.at] == ' ' || r.in[r.at] == '\n' || r.in[r.at] == '\t' || r.in[r.at] == '\r') {
		r.at++
	}
	r.out = append(r.out, r.in[begin:r.at]...)
}

// step copies a byte.
func (r *Rewriter) step() {
	r.out = append(r.out, r.in[r.at])
	r.at++
}

// value rewrites the value that begins here. That it is valid has been checked.
func (r *Rewriter) value() bool {
	r.spaces()
	begin := r.at
	switch c := r.in[r.at]; c {
	case '{', '[':
		return r.elements(c == '{', c+2)
	case '"':
		text := r.text()
		r.leaf(begin, text, false)
	case 't', 'f', 'n':
		for r.at < len(r.in) && r.in[r.at] >= 'a' && r.in[r.at] <= 'z' {
			r.step()
		}
	default:
		for r.at < len(r.in) && isOfNumber(r.in[r.at]) {
			r.at++
		}
		r.leaf(begin, r.in[begin:r.at], true)
	}
	return true
}

func isOfNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// elements rewrites what is in an object or a list.
func (r *Rewriter) elements(object bool, end byte) bool {
	if len(r.path) >= leaf.DeepestPath {
		return false
	}
	for i := 0; ; i++ {
		r.step() // { [ or ,
		r.spaces()
		if r.in[r.at] == end {
			r.step()
			return true
		}
		kept, key := len(r.decoded), leaf.Index(i)
		if object {
			begin := r.at
			key = r.text()
			r.out = append(r.out, r.in[begin:r.at]...)
			r.spaces()
			r.step() // :
		}
		r.path = append(r.path, key)
		ok := r.value()
		r.decoded = r.decoded[:kept]
		r.path = r.path[:len(r.path)-1]
		if !ok {
			return false
		}
		r.spaces()
		if r.in[r.at] == end {
			r.step()
			return true
		}
	}
}

// text reads a text and returns it without escapes.
func (r *Rewriter) text() []byte {
	r.at++
	begin := r.at
	for r.in[r.at] != '"' && r.in[r.at] != '\\' {
		r.at++
	}
	if r.in[r.at] == '"' {
		r.at++
		return r.in[begin : r.at-1]
	}
	// Keys are needed while the values below them are read, so each has its own bytes.
	from := len(r.decoded)
	r.decoded = append(r.decoded, r.in[begin:r.at]...)
	for r.in[r.at] != '"' {
		if r.in[r.at] != '\\' {
			r.decoded = append(r.decoded, r.in[r.at])
			r.at++
			continue
		}
		r.decoded = r.escape(r.decoded)
	}
	r.at++
	return r.decoded[from:]
}

// escape reads an escape.
func (r *Rewriter) escape(dst []byte) []byte {
	c := r.in[r.at+1]
	if c != 'u' {
		r.at += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		return append(dst, c)
	}
	first := r.unit()
	if utf16.IsSurrogate(first) && len(r.in)-r.at > 2 && r.in[r.at] == '\\' && r.in[r.at+1] == 'u' {
		at := r.at
		if pair := utf16.DecodeRune(first, r.unit()); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair)
		}
		r.at = at
	}
	return utf8.AppendRune(dst, first) // half a pair becomes the replacement character
}

// unit reads an escape of four hexadecimal digits.
func (r *Rewriter) unit() rune {
	code, _ := strconv.ParseUint(string(r.in[r.at+2:r.at+6]), 16, 16)
	r.at += 6
	return rune(code)
}

// leaf hands a text or a number on, and writes what becomes of it.
func (r *Rewriter) leaf(begin int, text []byte, number bool) {
	made, verdict := r.replace(r.scratch[:0], leaf.Leaf{Path: r.path, Text: text, Number: number})
	r.scratch = made
	switch {
	case verdict == leaf.Keep:
		r.out = append(r.out, r.in[begin:r.at]...)
	case verdict == leaf.Null:
		r.out = append(r.out, "null"...)
	case number && len(made) > 0 && (made[0] == '-' || made[0] >= '0' && made[0] <= '9') && json.Valid(made):
		r.out = append(r.out, made...)
	default:
		r.out = AppendText(r.out, made)
	}
}

// AppendText appends a text with its quotes. Only what JSON demands is escaped, so that no text gets longer than another way to write it.
func AppendText(dst, text []byte) []byte {
	const short = "btn_fr" // \b is 8
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c >= 8 && c <= 13 && c != 11:
			dst = append(dst, '\\', short[c-8])
		default:
			dst = append(dst, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(dst, '"')
}
