package literal

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// field returns a value in the protocol's length encoding.
func field(value string) []byte {
	if len(value) < 0xFB {
		return append([]byte{byte(len(value))}, value...)
	}
	return append(binary.LittleEndian.AppendUint16([]byte{0xFC}, uint16(len(value))), value...)
}

func bits32(value float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))
}

func bits64(value float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(value))
}

// sent is a column as the server describes it.
func sent(kind byte, unsigned bool) protocol.Column {
	return protocol.Column{Kind: kind, Unsigned: unsigned}
}

// TestValues writes values of every form. The round trips in mysql/read have a server read them back.
func TestValues(t *testing.T) {
	text := func(charset string) Column { return Column{Name: "c", DataType: "varchar", Charset: charset} }
	for _, test := range []struct {
		sent   protocol.Column
		column Column
		data   []byte
		want   string
	}{
		{sent(wireTiny, false), Column{}, []byte{0x80}, "-128"},
		{sent(wireTiny, true), Column{}, []byte{0x80}, "128"},
		{sent(wireShort, false), Column{}, []byte{0xFF, 0xFF}, "-1"},
		{sent(wireYear, true), Column{}, []byte{0xEA, 0x07}, "2026"},
		{sent(wireInt24, true), Column{}, []byte{0xFF, 0xFF, 0xFF, 0}, "16777215"},
		{sent(wireLong, false), Column{}, []byte{0, 0, 0, 0x80}, "-2147483648"},
		{sent(wireLongLong, true), Column{}, []byte(strings.Repeat("\xFF", 8)), "18446744073709551615"},
		{sent(wireFloat, false), Column{}, bits32(0.1), "0.1"},
		{sent(wireFloat, false), Column{}, bits32(16777216), "1.6777216e+07"},
		{sent(wireFloat, false), Column{}, bits32(-math.MaxFloat32), "-3.4028234663852886e+38"},
		{sent(wireDouble, false), Column{}, bits64(-2.2250738585072014e-308), "-2.2250738585072014e-308"},
		{sent(wireDouble, false), Column{}, bits64(math.Copysign(0, -1)), "-0e0"},
		{sent(wireDecimal, false), Column{}, field("-12.50"), "-12.50"},
		{sent(wireDate, false), Column{}, field(""), "'0000-00-00'"},
		{sent(wireDate, false), Column{}, field("\xEA\x07\x0B\x16"), "'2026-11-22'"},
		{sent(wireDateTime, false), Column{}, field("\xEA\x07\x0B\x16\x06\x1E\x05"), "'2026-11-22 06:30:05'"},
		{sent(wireTimestamp, false), Column{}, field("\xEA\x07\x0B\x16\x06\x1E\x05\x01\x00\x00\x00"), "'2026-11-22 06:30:05.000001'"},
		{sent(wireTime, false), Column{}, field(""), "'00:00:00'"},
		{sent(wireTime, false), Column{}, field("\x01\x22\x00\x00\x00\x16\x3B\x3B"), "'-838:59:59'"},
		{sent(wireBit, true), Column{}, field("\x01\xFF"), "x'01FF'"},
		{sent(253, false), text("utf8mb4"), field("a'b\\c\nd\r\x00\x1A\"%"), `'a\'b\\c\nd\r\0\Z"%'`},
		{sent(253, false), text("utf8mb4"), field("Größe, 日本"), "'Größe, 日本'"},
		{sent(253, false), text("utf8mb3"), field("cut \xC3"), "_binary 'cut \xC3'"},
		{sent(253, false), text("latin1"), field("Gr\xF6\xDFe'"), "_binary 'Gr\xF6\xDFe\\''"},
		{sent(253, false), text("latin1"), field("plain"), "'plain'"},
		{sent(253, false), text("utf16"), field("\x00a"), `_binary '\0a'`},
		{sent(254, false), Column{DataType: "enum", Charset: "latin1"}, field("gr\xFCn"), "_latin1 x'6772FC6E'"},
		{sent(254, false), Column{DataType: "set", Charset: "ucs2"}, field("\x00a"), "_ucs2 x'0061'"},
		{sent(252, false), Column{DataType: "blob"}, field("\xFF\x00'"), "_binary '\xFF\\0\\''"},
		{sent(245, false), Column{DataType: "json"}, field(`{"a": "ü\n"}`), `'{"a": "ü\\n"}'`},
		{sent(254, false), Column{DataType: "inet6"}, field("::1"), "'::1'"},
	} {
		writer, err := NewWriter(test.sent, test.column)
		if err != nil {
			t.Errorf("%+v: %v", test.sent, err)
			continue
		}
		got, size := writer.Append(nil, append(test.data, "rest"...))
		if string(got) != test.want || size != len(test.data) {
			t.Errorf("%+v %+v: got %s of %d bytes, want %s of %d", test.sent, test.column, got, size, test.want, len(test.data))
		}
		// Data that ends too early is never taken for a value.
		for length := range test.data {
			if _, size := writer.Append(nil, test.data[:length]); size != 0 {
				t.Errorf("%+v: %d of %d bytes gave a value", test.sent, length, len(test.data))
			}
		}
	}
	if _, err := NewWriter(protocol.Column{Kind: 6}, Column{Name: "odd"}); err == nil || err.Error() != "column odd has type 6, which is not known here" {
		t.Error(err)
	}
}

// TestQuoting compares the result with that of a simple implementation, for every byte at every position of a word.
func TestQuoting(t *testing.T) {
	plain := func(value []byte) string {
		text := "'"
		for _, c := range value {
			if escapes[c] != 0 {
				text += `\` + string(rune(escapes[c]))
			} else {
				text += string([]byte{c})
			}
		}
		return text + "'"
	}
	for c := range 256 {
		for at := range 17 {
			value := []byte("0123456789abcdefg")
			value[at] = byte(c)
			value[(at+1)%17] = byte(c + 1)
			got, ascii := AppendQuoted(nil, value)
			if string(got) != plain(value) || ascii != IsASCII(string(value)) {
				t.Fatalf("%q: got %s, %v", value, got, ascii)
			}
		}
	}
}
