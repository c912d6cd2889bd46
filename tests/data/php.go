package data

import "strconv"

// php is a value in the format of PHP's serialize().
type php string

func phpInt(n int) php   { return php("i:" + strconv.Itoa(n) + ";") }
func phpBool(b bool) php { return php("b:" + map[bool]string{true: "1", false: "0"}[b] + ";") }
func phpText(s string) php {
	return php("s:" + strconv.Itoa(len(s)) + `:"` + s + `";`)
}

// phpArray takes alternating keys and values.
func phpArray(pairs ...any) php {
	return php("a:" + strconv.Itoa(len(pairs)/2) + ":{" + phpPairs(pairs) + "}")
}

// phpObject has a protected property for each pair. PHP writes such a name with NUL bytes around an asterisk.
func phpObject(class string, pairs ...any) php {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "\x00*\x00" + pairs[i].(string)
	}
	return php("O:" + strconv.Itoa(len(class)) + `:"` + class + `":` + strconv.Itoa(len(pairs)/2) + ":{" + phpPairs(pairs) + "}")
}

func phpPairs(pairs []any) string {
	text := ""
	for _, p := range pairs {
		switch p := p.(type) {
		case php:
			text += string(p)
		case string:
			text += string(phpText(p))
		case int:
			text += string(phpInt(p))
		case bool:
			text += string(phpBool(p))
		case nil:
			text += "N;"
		}
	}
	return text
}
