package admit

import (
	"errors"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Rows judges an INSERT or REPLACE whose text may come in parts. Its head, up to VALUES, must be in the first part.
type Rows struct {
	judge  *Judge
	lexer  lexer
	values values
	head   []token
	behind bool // the head is complete
}

// Rows begins to judge an INSERT or REPLACE.
func (j *Judge) Rows() *Rows {
	r := &Rows{judge: j, values: values{judge: j}}
	r.lexer = lexer{mode: j.Mode, leads: leads[j.Mode.Charset], executes: r.executes, emit: r.token}
	return r
}

// errInValues means that what stands among values would be read differently by different servers.
var errInValues = errors.New("an executable comment stands among its values")

// longestHead is how many tokens the head of an INSERT may have: some 4096 columns.
const longestHead = 20000

func (r *Rows) executes(mysql.Comment) (bool, error) { return false, errInValues }

// Part judges the next part of the text. last says that it is the last one.
func (r *Rows) Part(text []byte, last bool) error {
	if err := r.lexer.feed(text, last); err != nil {
		return err
	}
	if last && !r.behind {
		return errNotRows
	}
	return nil
}

// errNotRows means that an INSERT has no VALUES. It is judged as other statements are.
var errNotRows = errors.New("it is no INSERT … VALUES")

func (r *Rows) token(t token) error {
	if r.behind {
		return r.values.token(t)
	}
	if len(r.head) == longestHead {
		return errNotRows
	}
	r.head = append(r.head, t)
	if t.kind != word {
		return nil
	}
	switch t.upper() {
	case "VALUES", "VALUE":
		r.behind = true
		head := &reader{judge: r.judge, tokens: r.head, at: 1}
		err := head.insertHead()
		if err == nil && head.at != len(r.head)-1 {
			err = errNotRows
		}
		r.values.before, r.values.upper = t, t.upper()
		r.head = nil
		return err
	case "SELECT", "SET":
		return errNotRows
	}
	return nil
}

// Insert judges a whole INSERT or REPLACE.
func (j *Judge) Insert(statement []byte) error {
	err := j.Rows().Part(statement, true)
	if errors.Is(err, errNotRows) || errors.Is(err, errInValues) {
		return j.Statement(statement)
	}
	return err
}

// insertHead reads an INSERT or REPLACE up to its values.
func (r *reader) insertHead() error {
	if first := r.word(0); first != "INSERT" && first != "REPLACE" {
		return r.unknown()
	}
	for r.pass("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE") {
	}
	if !r.pass("INTO") {
		return errors.New("it has no INTO")
	}
	if _, err := r.rowsOf(); err != nil {
		return err
	}
	if r.pass("PARTITION") && !r.names() {
		return r.unknown()
	}
	if r.symbol(r.at, '(') && !r.names() {
		return errNotRows
	}
	return nil
}

// names passes a list of names in brackets.
func (r *reader) names() bool {
	if !r.symbol(r.at, '(') {
		return false
	}
	for r.at++; !r.symbol(r.at, ')'); r.at++ {
		if t := r.peek(r.at); !t.isName() && !t.isSymbol(',') && !t.isSymbol('.') {
			return false
		}
	}
	r.at++
	return true
}

// insert judges an INSERT or REPLACE of any form that dumps have.
func (r *reader) insert() error {
	if err := r.insertHead(); err != nil && !errors.Is(err, errNotRows) {
		return err
	}
	switch r.word(r.at) {
	case "VALUES", "VALUE", "SET":
		return r.expression(r.at, len(r.tokens))
	case "SELECT":
		return r.reading(r.at)
	}
	if r.symbol(r.at, '(') {
		return r.reading(r.at)
	}
	return r.unknown()
}
