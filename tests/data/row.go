package data

import (
	"encoding/hex"
	"strconv"
)

// row writes the values of consecutive rows, as a VALUES list or as lines for COPY.
type row struct {
	dialect Dialect
	buf     []byte
	begun   bool
}

func (r *row) begin() {
	if r.dialect == MySQL {
		r.buf = append(r.buf, '(')
	}
	r.begun = false
}

func (r *row) end() {
	if r.dialect == MySQL {
		r.buf = append(r.buf, ')')
		return
	}
	r.buf = append(r.buf, '\n')
}

func (r *row) separate() {
	if r.begun {
		if r.dialect == MySQL {
			r.buf = append(r.buf, ',')
		} else {
			r.buf = append(r.buf, '\t')
		}
	}
	r.begun = true
}

func (r *row) null() {
	r.separate()
	if r.dialect == MySQL {
		r.buf = append(r.buf, "NULL"...)
		return
	}
	r.buf = append(r.buf, `\N`...)
}

func (r *row) int(values ...int) {
	for _, v := range values {
		r.separate()
		r.buf = strconv.AppendInt(r.buf, int64(v), 10)
	}
}

// decimal writes units/10^places.
func (r *row) decimal(units, places int) {
	r.separate()
	r.buf = strconv.AppendFloat(r.buf, float64(units)/pow10[places], 'f', places, 64)
}

var pow10 = [...]float64{1, 10, 100, 1000, 10000}

func (r *row) text(values ...string) {
	for _, v := range values {
		r.separate()
		if r.dialect == Postgres {
			r.copyText(v)
			continue
		}
		r.buf = append(r.buf, '\'')
		r.quote(v)
		r.buf = append(r.buf, '\'')
	}
}

// bytes writes a binary value.
func (r *row) bytes(v string) {
	r.separate()
	if r.dialect == Postgres {
		r.buf = append(r.buf, `\\x`...)
		r.buf = hex.AppendEncode(r.buf, []byte(v))
		return
	}
	r.buf = append(r.buf, "_binary '"...)
	r.quote(v)
	r.buf = append(r.buf, '\'')
}

// quote escapes the same characters as mysql_real_escape_string.
func (r *row) quote(v string) {
	from := 0
	for i := 0; i < len(v); i++ {
		if e := mysqlEscapes[v[i]]; e != 0 {
			r.buf = append(append(r.buf, v[from:i]...), '\\', e)
			from = i + 1
		}
	}
	r.buf = append(r.buf, v[from:]...)
}

func (r *row) copyText(v string) {
	from := 0
	for i := 0; i < len(v); i++ {
		if e := copyEscapes[v[i]]; e != 0 {
			r.buf = append(append(r.buf, v[from:i]...), '\\', e)
			from = i + 1
		}
	}
	r.buf = append(r.buf, v[from:]...)
}

var (
	mysqlEscapes = [256]byte{0: '0', '\n': 'n', '\r': 'r', 0x1a: 'Z', '\'': '\'', '"': '"', '\\': '\\'}
	copyEscapes  = [256]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'}
)
