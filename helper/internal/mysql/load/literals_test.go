package load

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

func TestLiterals(t *testing.T) {
	for text, want := range map[string]string{
		"NULL,": "null", "0,": "integer 0", "-1,": "integer -1", "007,": "integer 7", "-0,": "integer 0",
		"9223372036854775807,": "integer 9223372036854775807", "-9223372036854775808,": "integer -9223372036854775808",
		"9223372036854775808,": "large 9223372036854775808", "18446744073709551615,": "large 18446744073709551615",
		"18446744073709551616,": "decimal 18446744073709551616", "99999999999999999999,": "decimal 99999999999999999999",
		"-9223372036854775809,": "decimal -9223372036854775809", "123456789012345678901,": "decimal 123456789012345678901",
		"1.50,": "decimal 1.50", "-0.5)": "decimal -0.5", "1e-05,": "float 1e-05", "-0e0,": "float -0e0", "1.5e+22,": "float 1.5e+22",
		"1" + strings.Repeat("0", 64) + ",": "decimal 1" + strings.Repeat("0", 64), "1" + strings.Repeat("0", 65) + ",": "none",
		"0." + strings.Repeat("1", 38) + ",": "decimal 0." + strings.Repeat("1", 38), "0." + strings.Repeat("1", 39) + ",": "none",
		"'',": "text ''", `'it\'s',`: "text 'it's'", `'\\',`: `text '\'`, `'\\\'\0\n\r\Z',`: "text '\\'\x00\n\r\x1a'", "'\xff',": "text '\xff'",
		"_binary 'a\\0',": "binary 'a\x00'", "x'',": "hex ''", "x'00FF',": "hex '\x00\xff'",
		"_latin1 x'E4',": "latin1 '\xe4'", "_utf16le x'',": "utf16le ''",
		"": "none", "-,": "none", "--1,": "none", ".5,": "none", "5.,": "none", "1e,": "none", "1e+,": "none", "+1,": "none",
		"'open": "none", `'open\'`: "none", `'\`: "none", `'\x',`: "none", `'\"',`: "none", "_latin1 'a',": "none", "_binary'a',": "none",
		"_binary x'00',": "none", "_ x'00',": "none", "_latin1 x'0',": "none", "_latin1  x'00',": "none", "_Latin1 x'00',": "none", "_latin1": "none", "x'0',": "none", "x'0g',": "none", "x'ab',": "none", "x'00": "none", "X'00',": "none", "NUL,": "none", "null,": "none",
		"DEFAULT,": "none", `"a",`: "none", "TRUE,": "none", "(1),": "none", " 1,": "none", "@a,": "none",
	} {
		value, end := literal.NextLiteral([]byte(text), 0)
		if got := shown([]byte(text), value); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		if value.Form != literal.LiteralNone && end != len(text)-1 {
			t.Errorf("%q ends at %d", text, end)
		}
	}
}

// shown says what a literal of a text is.
func shown(text []byte, l literal.Literal) string {
	content := text[l.Start:l.End]
	switch l.Form {
	case literal.LiteralNull:
		return "null"
	case literal.LiteralInteger:
		return "integer " + strconv.FormatInt(int64(l.Number), 10)
	case literal.LiteralLarge:
		return "large " + strconv.FormatUint(l.Number, 10)
	case literal.LiteralDecimal:
		return "decimal " + string(content)
	case literal.LiteralFloat:
		return "float " + string(content)
	case literal.LiteralText, literal.LiteralBinary:
		name := map[literal.Form]string{literal.LiteralText: "text", literal.LiteralBinary: "binary"}[l.Form]
		value := literal.AppendUnescaped(nil, content)
		if len(value) != len(content)-l.Escapes {
			return fmt.Sprintf("%d bytes instead of %d", len(value), len(content)-l.Escapes)
		}
		return name + " '" + string(value) + "'"
	case literal.LiteralTagged:
		return string(l.Charset(text)) + " '" + string(literal.AppendHexadecimal(nil, content)) + "'"
	case literal.LiteralHex:
		return "hex '" + string(literal.AppendHexadecimal(nil, content)) + "'"
	}
	return "none"
}

// FuzzBulkPacket makes packets of INSERTs. Of what it takes, it must find the same values as the tokens of the SQL
// that the rest of the program goes by.
func FuzzBulkPacket(f *testing.F) {
	for _, c := range targettest.BulkCases {
		f.Add("("+strings.Join(c.Rows, "),(")+")", 1+strings.Count(c.Columns, ","))
	}
	f.Add(`('\\','a'),('--',_binary '),('),('/*!',x'')`, 2)
	f.Fuzz(func(t *testing.T, rows string, columns int) {
		columns = 1 + int(uint(columns)%9)
		statement := []byte("INSERT INTO `t` (`c`" + strings.Repeat(",`c`", columns-1) + ") VALUES " + rows)
		insert := newBulkInsert(statement, "t")
		if insert == nil {
			if strings.HasPrefix(rows, "(") {
				t.Fatal("the head is not known")
			}
			return
		}
		for range columns * (len(bulkKinds) + 1) {
			packet, err := insert.packet(nil, statement, 1<<20)
			switch err := err.(type) {
			case nil:
				want, known := tokenValues(statement[len(insert.head):])
				if got := packetValues(packet, columns); !known || got != want {
					t.Fatalf("%q has %q in it, and %q in its packet", rows, want, got)
				}
				return
			case *doubt:
				// As if the column were of a type that allows it.
				if err.form == literal.LiteralNull && !err.column.nullable {
					err.column.nullable = true
					continue
				}
				if err.column.kind < bulkAnyDecimal {
					err.column.charset = "latin1"
					err.column.kind = [...]bulkKind{bulkNothing: bulkAnyMember, bulkDecimal: bulkAnyNumber, bulkText: bulkAnyUTF8, bulkBinary: bulkAnyText, bulkSigned: bulkUnsigned,
						bulkUnsigned: bulkAnyDecimal, bulkFloat: bulkAnyNumber}[err.column.kind]
					continue
				}
			}
			return
		}
		t.Fatal("it does not end")
	})
}

// tokenValues says what the values of rows are, by their tokens.
func tokenValues(text []byte) (values string, known bool) {
	var all, value strings.Builder
	number := func() {
		if value.Len() > 0 {
			fmt.Fprintf(&all, "%s,", plain(value.String()))
			value.Reset()
		}
	}
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		if token.Kind != sqltext.End && token.Start != at && text[at] != ' ' {
			return "", false // a comment
		}
		at = token.End
		switch raw := text[token.Start:token.End]; {
		case token.Kind == sqltext.End:
			return all.String(), true
		case token.Kind == sqltext.Text:
			content := raw[1 : len(raw)-1]
			if value.String() == "x" || strings.HasPrefix(value.String(), "_") && strings.HasSuffix(value.String(), "x") {
				content = literal.AppendHexadecimal(nil, content)
			} else {
				content = []byte(strings.NewReplacer(`\0`, "\x00", `\n`, "\n", `\r`, "\r", `\Z`, "\x1a", `\'`, "'", `\\`, `\`).Replace(string(content)))
			}
			value.Reset()
			fmt.Fprintf(&all, "%q,", content)
		case token.IsSymbol(text, ')'):
			number()
			all.WriteString("\n")
		case token.IsSymbol(text, ','), token.IsSymbol(text, '('):
			number()
		default:
			value.Write(raw)
		}
	}
}

// plain is a number in the shape in which numbers are compared.
func plain(number string) string {
	if value, err := strconv.ParseFloat(number, 64); err == nil {
		return strconv.FormatFloat(value+0, 'g', -1, 64)
	}
	return number
}

// packetValues says what the values of the rows of a packet are.
func packetValues(packet []byte, columns int) string {
	data := packet[protocol.HeaderSize+1+4:]
	if binary.LittleEndian.Uint16(data) != 128 {
		return "no kinds"
	}
	kinds := data[2 : 2+2*columns]
	data = data[2+2*columns:]
	var all strings.Builder
	for column := 0; len(data) > 0; column = (column + 1) % columns {
		indicator := data[0]
		data = data[1:]
		if indicator == 1 {
			all.WriteString("NULL,")
		} else {
			switch kind := kinds[2*column]; kind {
			case 8:
				number := binary.LittleEndian.Uint64(data)
				text := strconv.FormatInt(int64(number), 10)
				if kinds[2*column+1] == 128 {
					text = strconv.FormatUint(number, 10)
				}
				fmt.Fprintf(&all, "%s,", plain(text))
				data = data[8:]
			case 5:
				fmt.Fprintf(&all, "%s,", plain(strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(data)), 'g', -1, 64)))
				data = data[8:]
			default:
				length, n := protocol.LengthEncoded(data)
				value := data[n : n+int(length)]
				data = data[n+int(length):]
				if kind == 246 {
					fmt.Fprintf(&all, "%s,", plain(string(value)))
				} else {
					fmt.Fprintf(&all, "%q,", value)
				}
			}
		}
		if column == columns-1 {
			all.WriteString("\n")
		}
	}
	return all.String()
}

func BenchmarkBulkPacket(b *testing.B) {
	for name, row := range map[string]string{
		"short": "(1,'body','article',0,12345,12345,'en',NULL,_binary 'a')",
		"long":  "(1,'" + strings.Repeat(`<p>Lorem ipsum dolor sit amet, it\'s "all" here.</p>\n`, 40) + "')",
	} {
		b.Run(name, func(b *testing.B) {
			columns := "`a`" + strings.Repeat(",`a`", strings.Count(row, ",")-strings.Count(row, ", "))
			statement := []byte("INSERT INTO `t` (" + columns + ") VALUES " + row + strings.Repeat(","+row, 1<<20/len(row)))
			insert := newBulkInsert(statement, "t")
			for i := range insert.columns {
				insert.columns[i].nullable = true
			}
			packet, err := insert.packet(nil, statement, math.MaxInt)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(statement)))
			for b.Loop() {
				if packet, err = insert.packet(packet, statement, math.MaxInt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
