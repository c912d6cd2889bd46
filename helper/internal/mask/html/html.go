// Package html finds, in HTML, the texts that people read, and leaves the markup alone.
package html

import (
	"bytes"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rewriter keeps buffers from one value to the next. The zero value is ready to be used.
type Rewriter struct {
	in      []byte
	out     []byte
	text    []byte
	replace func(dst, text []byte) []byte
	noQuote [2]bool // there is no such quote any more
	noEnd   bool    // there is no > any more that ends a tag
	noClose bool    // there is no --> any more
}

// Rewrite appends the value to dst. What replace appends replaces texts of nodes, comments and readable attributes (alt, title and the like),
// and addresses after mailto: and tel:. A letter that is written as an entity is handed on as a letter; other entities stay. Scripts, style
// sheets and other attributes stay as they are; so do the comments by which WordPress marks its blocks.
//
// It is no browser: markup that is not closed is text.
func (r *Rewriter) Rewrite(dst, value []byte, replace func(dst, text []byte) []byte) []byte {
	r.in, r.out, r.replace, r.noQuote, r.noEnd, r.noClose = value, dst, replace, [2]bool{}, false, false
	for i := 0; i < len(value); {
		next := bytes.IndexByte(value[i:], '<')
		if next < 0 {
			next = len(value) - i
		}
		r.node(value[i : i+next])
		if i += next; i == len(value) {
			break
		}
		end := r.markup(i)
		if end == i { // no markup
			r.out = append(r.out, '<')
			end++
		}
		i = end
	}
	out := r.out
	r.in, r.out, r.replace = nil, nil, nil
	return out
}

// markup writes a tag or a comment, and returns where it ends; where it begins if there is none.
func (r *Rewriter) markup(begin int) (end int) {
	rest := r.in[begin:]
	if bytes.HasPrefix(rest, []byte("<!--")) {
		end := -1
		if !r.noClose {
			end = bytes.Index(rest[4:], []byte("-->"))
		}
		if end < 0 {
			r.noClose = true
			return begin
		}
		content := rest[4 : 4+end]
		r.out = append(r.out, "<!--"...)
		if trimmed := bytes.TrimLeft(content, " /"); bytes.HasPrefix(trimmed, []byte("wp:")) {
			r.out = append(r.out, content...)
		} else {
			r.node(content)
		}
		r.out = append(r.out, "-->"...)
		return begin + 4 + end + 3
	}
	if len(rest) < 2 || r.noEnd {
		return begin
	}
	name := 1
	if rest[1] == '/' || rest[1] == '!' || rest[1] == '?' {
		name++
	}
	if name >= len(rest) || !isLetter(rest[name]) {
		return begin
	}
	if end = r.tagEnd(begin + name); end < 0 {
		r.noEnd = true
		return begin
	}
	r.tag(r.in[begin:end])
	if name == 1 {
		for _, raw := range []string{"script", "style"} {
			if hasName(rest[1:], raw) {
				return r.raw(end, raw)
			}
		}
	}
	return end
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// hasName says whether a tag has the name.
func hasName(tag []byte, name string) bool {
	return len(tag) > len(name) && strings.EqualFold(string(tag[:len(name)]), name) && !isLetter(tag[len(name)])
}

// raw writes the content of a script or a style sheet.
func (r *Rewriter) raw(begin int, name string) (end int) {
	for end = begin; end < len(r.in); end++ {
		if r.in[end] == '<' && end+1 < len(r.in) && r.in[end+1] == '/' && hasName(r.in[end+2:], name) {
			break
		}
	}
	r.out = append(r.out, r.in[begin:end]...)
	return end
}

// tagEnd returns where the tag ends, behind its >; -1 if it does not.
func (r *Rewriter) tagEnd(at int) int {
	for at < len(r.in) {
		switch c := r.in[at]; c {
		case '>':
			return at + 1
		case '"', '\'':
			at = r.behindQuote(at)
			continue
		}
		at++
	}
	return -1
}

// behindQuote returns what is behind a text in quotes, or behind the quote if there is no other.
func (r *Rewriter) behindQuote(at int) int {
	quote, kind := r.in[at], 0
	if quote == '\'' {
		kind = 1
	}
	if r.noQuote[kind] {
		return at + 1
	}
	end := bytes.IndexByte(r.in[at+1:], quote)
	if end < 0 {
		r.noQuote[kind] = true
		return at + 1
	}
	return at + 1 + end + 1
}

// readable are the attributes that people read.
var readable = []string{"alt", "title", "aria-label", "placeholder", "summary", "label", "value"}

// tag writes a tag.
func (r *Rewriter) tag(tag []byte) {
	done := 0
	for i := 1; i < len(tag); i++ {
		if tag[i] != '=' {
			if tag[i] == '"' || tag[i] == '\'' { // out of place
				if end := bytes.IndexByte(tag[i+1:], tag[i]); end >= 0 {
					i += end + 1
				}
			}
			continue
		}
		name := attributeName(tag[:i])
		begin, end := attributeValue(tag, i+1)
		value := tag[begin:end]
		skip := -1
		if isReadable(name) {
			skip = 0
		} else if colon := bytes.IndexByte(value, ':'); colon > 0 {
			for _, scheme := range []string{"mailto", "tel", "sms"} {
				if strings.EqualFold(string(bytes.TrimSpace(value[:colon])), scheme) {
					skip = colon + 1
				}
			}
		}
		if skip >= 0 {
			r.out = append(r.out, tag[done:begin+skip]...)
			r.node(value[skip:])
			done = end
		}
		i = max(i, end-1)
		if end < len(tag)-1 && (tag[end] == '"' || tag[end] == '\'') {
			i = end
		}
	}
	r.out = append(r.out, tag[done:]...)
}

func isReadable(name []byte) bool {
	for _, attribute := range readable {
		if strings.EqualFold(string(name), attribute) {
			return true
		}
	}
	return false
}

// attributeName returns the last word of a text.
func attributeName(before []byte) []byte {
	before = bytes.TrimRight(before, " \t\r\n")
	return before[bytes.LastIndexAny(before, " \t\r\n/\"'<")+1:]
}

// attributeValue returns where the value of an attribute begins and ends, without its quotes.
func attributeValue(tag []byte, at int) (begin, end int) {
	for at < len(tag) && (tag[at] == ' ' || tag[at] == '\t' || tag[at] == '\n' || tag[at] == '\r') {
		at++
	}
	if at < len(tag) && (tag[at] == '"' || tag[at] == '\'') {
		if end := bytes.IndexByte(tag[at+1:], tag[at]); end >= 0 {
			return at + 1, at + 1 + end
		}
	}
	end = at
	for end < len(tag) && tag[end] != ' ' && tag[end] != '\t' && tag[end] != '\n' && tag[end] != '\r' && tag[end] != '>' {
		end++
	}
	return at, end
}

// longestEntity is the length of the longest entities that are letters, with & and ;.
const longestEntity = 12

// node writes a text, in which entities stand for characters.
func (r *Rewriter) node(node []byte) {
	r.text = r.text[:0]
	for i := 0; i < len(node); {
		if node[i] != '&' {
			next := bytes.IndexByte(node[i:], '&')
			if next < 0 {
				next = len(node) - i
			}
			r.text = append(r.text, node[i:i+next]...)
			i += next
			continue
		}
		semicolon := bytes.IndexByte(node[i:min(len(node), i+longestEntity)], ';')
		if semicolon < 0 {
			r.text = append(r.text, '&')
			i++
			continue
		}
		entity := node[i : i+semicolon+1]
		decoded := html.UnescapeString(string(entity))
		switch first, size := utf8.DecodeRuneInString(decoded); {
		case decoded == string(entity) && entity[1] != '#': // no entity, but text between & and ;
			r.text = append(r.text, entity...)
		case size == len(decoded) && unicode.In(first, unicode.Letter, unicode.Mark, unicode.Number):
			r.text = append(r.text, decoded...)
		default:
			r.flush()
			r.out = append(r.out, entity...)
		}
		i += semicolon + 1
	}
	r.flush()
}

func (r *Rewriter) flush() {
	if len(r.text) > 0 {
		r.out = r.replace(r.out, r.text)
		r.text = r.text[:0]
	}
}
