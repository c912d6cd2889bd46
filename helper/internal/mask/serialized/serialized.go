// Package serialized rewrites texts and numbers inside values of PHP's serialize(). Lengths are made right; everything else stays as it is:
// the order, the types, references, and the names of classes and properties.
package serialized

import (
	"bytes"
	"errors"
	"strconv"

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
	// checking means that nothing is replaced or written yet: whether a value is serialized shows at its end, and it may be deep inside others.
	checking bool
}

// Looks says whether a value may be serialized, by its first bytes.
func Looks(value []byte) bool {
	if len(value) < 2 {
		return false
	}
	switch value[0] {
	case 'N':
		return value[1] == ';'
	case 'a', 'O', 's', 'S', 'C', 'i', 'd', 'b', 'E':
		return value[1] == ':'
	}
	return false
}

// Rewrite appends the value to dst, with its texts and numbers replaced. It is false, and dst as it was, if value is not serialized.
//
// The path of a property is its name alone, whatever class it is private to. The text inside of C:, of classes with a format of their own,
// is rewritten if it consists of serialized values, as that of PHP's own classes does; else it is one text. Texts of S:, with escapes, are
// written as s:, which means the same.
func (r *Rewriter) Rewrite(dst, value []byte, replace leaf.Replacer) ([]byte, bool) {
	r.in, r.out, r.path, r.replace = value, dst, r.path[:0], replace
	ok := r.twice(func() bool { return r.value() && r.at == len(value) })
	out := r.out
	r.in, r.out, r.replace = nil, nil, nil
	return out, ok
}

// twice reads first to check, and then to rewrite.
func (r *Rewriter) twice(read func() bool) bool {
	depth := len(r.path)
	r.at, r.checking = 0, true
	ok := read()
	r.at, r.checking, r.path = 0, false, r.path[:depth]
	return ok && read()
}

// value rewrites the value that begins here.
func (r *Rewriter) value() bool {
	if len(r.in)-r.at < 2 {
		return false
	}
	begin := r.at
	switch r.in[begin] {
	case 'N':
		return r.literal("N;") && r.copied(begin)
	case 'b':
		return (r.literal("b:0;") || r.literal("b:1;")) && r.copied(begin)
	case 'r', 'R':
		r.at += 2
		_, ok := r.number(";")
		return ok && r.in[begin+1] == ':' && r.copied(begin)
	case 'i', 'd':
		return r.numeric()
	case 's', 'S':
		text, ok := r.text()
		return ok && r.literal(";") && r.leaf(begin, text, false)
	case 'E':
		r.at++
		_, ok := r.quoted()
		return ok && r.literal(";") && r.copied(begin)
	case 'a':
		r.at++
		return r.literal(":") && r.elements(begin)
	case 'O':
		r.at++
		_, ok := r.quoted()
		return ok && r.literal(":") && r.elements(begin)
	case 'C':
		return r.custom()
	}
	return false
}

func (r *Rewriter) literal(text string) bool {
	if len(r.in)-r.at < len(text) || string(r.in[r.at:r.at+len(text)]) != text {
		return false
	}
	r.at += len(text)
	return true
}

// copied appends what has been read since begin.
func (r *Rewriter) copied(begin int) bool {
	if !r.checking {
		r.out = append(r.out, r.in[begin:r.at]...)
	}
	return true
}

// number reads a length or a count, and what has to follow it.
func (r *Rewriter) number(after string) (int, bool) {
	n, begin := 0, r.at
	for r.at < len(r.in) && r.in[r.at] >= '0' && r.in[r.at] <= '9' {
		if n = n*10 + int(r.in[r.at]-'0'); n > 1<<40 {
			return 0, false
		}
		r.at++
	}
	return n, r.at > begin && r.literal(after)
}

// quoted reads :LENGTH:"BYTES".
func (r *Rewriter) quoted() ([]byte, bool) {
	if !r.literal(":") {
		return nil, false
	}
	n, ok := r.number(`:"`)
	if !ok || n > len(r.in)-r.at {
		return nil, false
	}
	text := r.in[r.at : r.at+n]
	r.at += n
	return text, r.literal(`"`)
}

// text reads s:LENGTH:"BYTES", or S:LENGTH:"BYTES" with \41 for A.
func (r *Rewriter) text() ([]byte, bool) {
	escaped := r.in[r.at] == 'S'
	r.at++
	if !escaped {
		return r.quoted()
	}
	if !r.literal(":") {
		return nil, false
	}
	n, ok := r.number(`:"`)
	if !ok || n > len(r.in)-r.at {
		return nil, false
	}
	decoded := make([]byte, 0, n)
	for range n {
		if r.at >= len(r.in) {
			return nil, false
		}
		c := r.in[r.at]
		r.at++
		if c == '\\' {
			if len(r.in)-r.at < 2 {
				return nil, false
			}
			code, err := strconv.ParseUint(string(r.in[r.at:r.at+2]), 16, 8)
			if err != nil {
				return nil, false
			}
			c = byte(code)
			r.at += 2
		}
		decoded = append(decoded, c)
	}
	return decoded, r.literal(`"`)
}

// numeric rewrites an integer or a float.
func (r *Rewriter) numeric() bool {
	begin := r.at
	r.at++
	if !r.literal(":") {
		return false
	}
	end := bytes.IndexByte(r.in[r.at:min(len(r.in), r.at+64)], ';')
	if end <= 0 {
		return false
	}
	text := r.in[r.at : r.at+end]
	if !isNumber(text, r.in[begin] == 'i') {
		return false
	}
	r.at += end + 1
	return r.leaf(begin, text, true)
}

// isNumber says whether a text is a number as PHP writes it.
func isNumber(text []byte, integer bool) bool {
	if integer {
		_, err := strconv.ParseInt(string(text), 10, 64)
		return err == nil
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			name := string(bytes.TrimPrefix(text, []byte("-")))
			return name == "INF" || name == "NAN"
		}
	}
	_, err := strconv.ParseFloat(string(text), 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// leaf hands a text or a number on, and writes what becomes of it.
func (r *Rewriter) leaf(begin int, text []byte, number bool) bool {
	if r.checking {
		return true
	}
	made, verdict := r.replace(r.scratch[:0], leaf.Leaf{Path: r.path, Text: text, Number: number})
	r.scratch = made
	switch {
	case verdict == leaf.Keep:
		return r.copied(begin)
	case verdict == leaf.Null:
		r.out = append(r.out, "N;"...)
	case number && isNumber(made, true) && r.in[begin] == 'i':
		r.out = append(append(append(r.out, "i:"...), made...), ';')
	case number && isNumber(made, false) && len(made) > 0:
		r.out = append(append(append(r.out, "d:"...), made...), ';')
	default:
		r.out = strconv.AppendInt(append(r.out, "s:"...), int64(len(made)), 10)
		r.out = append(append(append(r.out, `:"`...), made...), `";`...)
	}
	return true
}

// elements rewrites N:{…}: keys and values of an array or an object.
func (r *Rewriter) elements(begin int) bool {
	n, ok := r.number(":{")
	if !ok || n > len(r.in)-r.at || len(r.path) >= leaf.DeepestPath {
		return false
	}
	r.copied(begin)
	for range n {
		key := r.at
		name, ok := r.key()
		if !ok {
			return false
		}
		r.copied(key)
		r.path = append(r.path, name)
		ok = r.value()
		r.path = r.path[:len(r.path)-1]
		if !ok {
			return false
		}
	}
	end := r.at
	return r.literal("}") && r.copied(end)
}

// key reads a key. Those of private and protected properties have a class or a star before the name, between zero bytes.
func (r *Rewriter) key() ([]byte, bool) {
	if len(r.in)-r.at < 2 {
		return nil, false
	}
	switch r.in[r.at] {
	case 's', 'S':
		name, ok := r.text()
		if len(name) > 0 && name[0] == 0 {
			name = name[bytes.LastIndexByte(name, 0)+1:]
		}
		return name, ok && r.literal(";")
	case 'i':
		begin := r.at + 2
		end := bytes.IndexByte(r.in[begin:min(len(r.in), begin+32)], ';')
		if r.in[r.at+1] != ':' || end <= 0 || !isNumber(r.in[begin:begin+end], true) {
			return nil, false
		}
		r.at = begin + end + 1
		return r.in[begin : begin+end], true
	}
	return nil, false
}

// custom rewrites C:LENGTH:"CLASS":LENGTH:{…}, whose content only the class understands.
func (r *Rewriter) custom() bool {
	begin := r.at
	r.at++
	if _, ok := r.quoted(); !ok || !r.literal(":") || len(r.path) >= leaf.DeepestPath {
		return false
	}
	head := r.at
	n, ok := r.number(":{")
	if !ok || n > len(r.in)-r.at {
		return false
	}
	content := r.in[r.at : r.at+n]
	r.at += n
	if !r.checking {
		r.out = append(r.out, r.in[begin:head]...)
		made := r.content(content)
		r.out = append(strconv.AppendInt(r.out, int64(len(made)), 10), ":{"...)
		r.out = append(r.out, made...)
	}
	begin = r.at
	return r.literal("}") && r.copied(begin)
}

// content returns what becomes of the content of a custom format.
func (r *Rewriter) content(content []byte) []byte {
	// A value inside has a path of at least one more key, so that the depth counts.
	inner := Rewriter{in: content, replace: r.replace, path: append(r.path, leaf.Index(0))}
	if inner.twice(inner.sequence) {
		return inner.out
	}
	made, verdict := r.replace(nil, leaf.Leaf{Path: r.path, Text: content})
	switch verdict {
	case leaf.Keep:
		return content
	case leaf.Null:
		return nil
	}
	return made
}

// sequence rewrites serialized values with what PHP's own classes write between them. It is false if there is anything else.
func (r *Rewriter) sequence() bool {
	values := 0
	for r.at < len(r.in) {
		at := r.at
		if r.value() {
			values++
			continue
		}
		r.at = at
		if c := r.in[at]; c != ';' && c != ':' && c != ',' && c != 'x' && c != 'm' {
			return false
		}
		r.at++
		r.copied(at)
	}
	return values > 0
}
