package literal

import "github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"

// Text appends the value at the beginning of data to dst as the server would print it, and returns its length in data, 0 if data is cut
// short.
func (v Writer) Text(dst, data []byte) ([]byte, int) {
	begin := len(dst)
	switch v.Form {
	case formDate, formTime:
		dst, n := v.Append(dst, data)
		if n == 0 {
			return dst[:begin], 0
		}
		copy(dst[begin:], dst[begin+1:len(dst)-1]) // without the quotes
		return dst[:len(dst)-2], n
	case formUTF8, formASCII, formBinary, formJSON, formTagged, FormTaggedIn, FormBits:
		length, n := lengthEncoded(data)
		if n == 0 {
			return dst, 0
		}
		return append(dst, data[n:n+length]...), n + length
	}
	return v.Append(dst, data)
}

// Size returns the length of the value at the beginning of data, 0 if data is cut short.
func (v Writer) Size(data []byte) int {
	if size := v.size(); size > 0 {
		if len(data) < size {
			return 0
		}
		return size
	}
	length, n := lengthEncoded(data)
	if n == 0 {
		return 0
	}
	return n + length
}

// AppendText writes a text, as Text returns it, as a literal of the column.
func (v Writer) AppendText(dst, text []byte) []byte {
	switch v.Form {
	case formDate, formTime:
		dst, _ = AppendQuoted(dst, text)
		return dst
	case formUTF8, formASCII, formJSON, formTagged:
		return v.appendText(dst, text)
	case formBinary:
		dst, _ = AppendQuoted(append(dst, "_binary "...), text)
		return dst
	case FormTaggedIn:
		return appendHex(append(append(dst, v.Tag...), " x"...), text)
	case FormBits:
		return appendHex(append(dst, 'x'), text)
	}
	return append(dst, text...)
}

// lengthEncoded returns how long a value is, and where it begins; 0 if data is cut short.
func lengthEncoded(data []byte) (length, begin int) {
	n, begin := protocol.LengthEncoded(data)
	if begin == 0 || n > uint64(len(data)-begin) {
		return 0, 0
	}
	return int(n), begin
}
