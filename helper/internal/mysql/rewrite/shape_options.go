package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

// readOptions reads what follows the brackets of a table.
func (t *TableShape) readOptions(s *Statement, at, last int) {
	for at < last {
		name := strings.ToUpper(s.NameAt(at))
		value := s.value(at + 1)
		switch {
		case s.Symbol(at, '('):
			at = s.closing(at) + 1
			continue
		case !s.IsName(at), name == "DEFAULT":
			at++
			continue
		case s.words(at, "PARTITION", "BY"):
			t.readPartitions(s, at+2)
			return
		case s.words(at, "WITH", "SYSTEM", "VERSIONING"):
			t.Options["versioning"] = Trait{Value: "yes", Text: "WITH SYSTEM VERSIONING"}
			at += 3
			continue
		case s.words(at, "CHARACTER", "SET"):
			value = s.value(at + 2)
			t.Options["charset"] = Trait{Value: unquotedAt(s, value)}
		case name == "CHARSET":
			t.Options["charset"] = Trait{Value: unquotedAt(s, value)}
		case name == "COLLATE":
			t.Options["collation"] = Trait{Value: unquotedAt(s, value)}
		case name == "DATA", name == "INDEX":
			value = s.value(at + 2)
		case value >= last:
		default:
			t.readOption(s, name, value)
		}
		at = value + 1
	}
}

func (t *TableShape) readOption(s *Statement, name string, value int) {
	text := unquotedAt(s, value)
	shown := name + "=" + s.between(value, value+1)
	switch name {
	case "ENGINE", "TYPE":
		if same := map[string]string{"heap": "memory", "merge": "mrg_myisam", "maria": "aria"}[text]; same != "" {
			text = same
		}
		t.Options["engine"] = Trait{Value: text, Text: "ENGINE=" + unquoted(s.Text, s.Tokens[value])}
	case "ROW_FORMAT":
		t.Options["row format"] = Trait{Value: text, Text: shown}
	case "AUTO_INCREMENT":
		t.Options["counter"] = Trait{Value: text, Text: shown}
	case "COMMENT":
		t.Options["comment"] = s.comment(value)
	case "ENCRYPTION", "ENCRYPTED":
		if text == "y" || text == "yes" {
			t.Options["encryption"] = Trait{Value: "yes", Text: shown}
		}
	case "COMPRESSION", "PAGE_COMPRESSED":
		if !slices.Contains([]string{"", "none", "0", "off", "no"}, text) {
			t.Options["page compression"] = Trait{Value: "yes", Text: shown}
		}
	}
}

// The words of partitioning, and those that end the values of a partition.
var (
	partitionWords = []string{"RANGE", "LIST", "HASH", "KEY", "LINEAR", "COLUMNS", "SYSTEM_TIME", "SUBPARTITION"}
	partitionEnds  = []string{"ENGINE", "COMMENT", "DATA", "INDEX", "MAX_ROWS", "MIN_ROWS", "TABLESPACE", "NODEGROUP", "STORAGE"}
)

// readPartitions reads what follows PARTITION BY. Servers rewrite expressions in their own ways, and replace
// functions by their values.
func (t *TableShape) readPartitions(s *Statement, at int) {
	var method []string
	from, count, list := at, 0, -1
	for ; at < len(s.Tokens) && list < 0; at++ {
		word := s.Word(at)
		switch {
		case s.Symbol(at, '(') && s.Word(at+1) == "PARTITION":
			list = at
		case word == "PARTITIONS", word == "SUBPARTITIONS":
			number, _ := strconv.Atoi(s.NameAt(at + 1))
			if word == "PARTITIONS" {
				count = number
			} else {
				method = append(method, strconv.Itoa(number))
			}
			at++
		case word == "STARTS":
			at++ // the time is shown in the session's time zone
		case s.IsName(at) && t.Column(s.NameAt(at)) != nil:
			method = append(method, strings.ToLower(s.NameAt(at)))
		case slices.Contains(partitionWords, word):
			method = append(method, word)
		}
	}
	end := at
	if list >= 0 {
		end = list
	}
	t.Options["partition by"] = Trait{Value: strings.Join(method, " "), Text: "PARTITION BY " + strings.Join(strings.Fields(s.between(from, end)), " ")}
	if list < 0 {
		t.Options["partitions"] = Trait{Value: strconv.Itoa(max(count, 1)), Text: strconv.Itoa(max(count, 1)) + " partitions"}
		return
	}
	var names, values []string
	simple := true
	closing := s.closing(list)
	for i, depth := list, 0; i < closing; i++ {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			depth--
		}
		if depth != 1 || s.Word(i) != "PARTITION" {
			continue
		}
		names = append(names, strings.ToLower(s.NameAt(i+1)))
		value := ""
		for i += 2; i < closing && !s.Symbol(i, ',') && !slices.Contains(partitionEnds, s.Word(i)); i++ {
			if s.Symbol(i, '(') && s.Word(i+1) == "SUBPARTITION" {
				break
			}
			if s.Symbol(i, '(') {
				end := s.closing(i)
				for j := i + 1; j < end; j++ {
					switch {
					case s.isText(j):
						value += " '" + Decoded(s, j) + "'"
					case s.Symbol(j, '('), s.Symbol(j, ')'), s.Symbol(j, ','):
						simple = simple && (s.Symbol(j, ',') || s.Symbol(j, ')') || s.Symbol(j-1, ',') || s.Symbol(j-1, '('))
					default:
						value += " " + strings.ToUpper(s.NameAt(j))
						simple = simple && (s.Symbol(j, '-') || isPlainValue(s.Word(j)))
					}
				}
				i = end
				continue
			}
			value += " " + s.Word(i)
		}
		i--
		values = append(values, names[len(names)-1]+value)
	}
	t.Options["partitions"] = Trait{Value: strconv.Itoa(len(names)), Text: strconv.Itoa(len(names)) + " partitions"}
	t.Options["partition values"] = Trait{Value: strings.Join(values, ","), Text: "partitions " + strings.Join(values, ", "), Unknown: !simple}
}

// isPlainValue says whether a word is a number, or a word that stands for itself.
func isPlainValue(word string) bool {
	return word != "" && (word[0]-'0' < 10 || slices.Contains([]string{"MAXVALUE", "NULL", "DEFAULT"}, word))
}
