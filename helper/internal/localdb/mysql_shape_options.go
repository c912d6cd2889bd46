package localdb

import (
	"slices"
	"strconv"
	"strings"
)

// readOptions takes what follows the brackets of a table.
func (t *tableShape) readOptions(s *statement, at, last int) {
	for at < last {
		name := strings.ToUpper(s.nameAt(at))
		value := s.value(at + 1)
		switch {
		case s.symbol(at, '('):
			at = s.closing(at) + 1
			continue
		case !s.isName(at), name == "DEFAULT":
			at++
			continue
		case s.words(at, "PARTITION", "BY"):
			t.readPartitions(s, at+2)
			return
		case s.words(at, "WITH", "SYSTEM", "VERSIONING"):
			t.options["versioning"] = trait{value: "yes", text: "WITH SYSTEM VERSIONING"}
			at += 3
			continue
		case s.words(at, "CHARACTER", "SET"):
			value = s.value(at + 2)
			t.options["charset"] = trait{value: unquotedAt(s, value)}
		case name == "CHARSET":
			t.options["charset"] = trait{value: unquotedAt(s, value)}
		case name == "COLLATE":
			t.options["collation"] = trait{value: unquotedAt(s, value)}
		case name == "DATA", name == "INDEX":
			value = s.value(at + 2)
		case value >= last:
		default:
			t.readOption(s, name, value)
		}
		at = value + 1
	}
}

func (t *tableShape) readOption(s *statement, name string, value int) {
	text := unquotedAt(s, value)
	shown := name + "=" + s.between(value, value+1)
	switch name {
	case "ENGINE", "TYPE":
		if same := map[string]string{"heap": "memory", "merge": "mrg_myisam", "maria": "aria"}[text]; same != "" {
			text = same
		}
		t.options["engine"] = trait{value: text, text: "ENGINE=" + unquoted(s.text, s.tokens[value])}
	case "ROW_FORMAT":
		t.options["row format"] = trait{value: text, text: shown}
	case "AUTO_INCREMENT":
		t.options["counter"] = trait{value: text, text: shown}
	case "COMMENT":
		t.options["comment"] = s.comment(value)
	case "ENCRYPTION", "ENCRYPTED":
		if text == "y" || text == "yes" {
			t.options["encryption"] = trait{value: "yes", text: shown}
		}
	case "COMPRESSION", "PAGE_COMPRESSED":
		if !slices.Contains([]string{"", "none", "0", "off", "no"}, text) {
			t.options["page compression"] = trait{value: "yes", text: shown}
		}
	}
}

// Words of how a table is partitioned, and those that end what a partition holds.
var (
	partitionWords = []string{"RANGE", "LIST", "HASH", "KEY", "LINEAR", "COLUMNS", "SYSTEM_TIME", "SUBPARTITION"}
	partitionEnds  = []string{"ENGINE", "COMMENT", "DATA", "INDEX", "MAX_ROWS", "MIN_ROWS", "TABLESPACE", "NODEGROUP", "STORAGE"}
)

// readPartitions takes what follows PARTITION BY. Servers show expressions as they like, and the values of functions in
// place of them.
func (t *tableShape) readPartitions(s *statement, at int) {
	var method []string
	from, count, list := at, 0, -1
	for ; at < len(s.tokens) && list < 0; at++ {
		word := s.word(at)
		switch {
		case s.symbol(at, '(') && s.word(at+1) == "PARTITION":
			list = at
		case word == "PARTITIONS", word == "SUBPARTITIONS":
			number, _ := strconv.Atoi(s.nameAt(at + 1))
			if word == "PARTITIONS" {
				count = number
			} else {
				method = append(method, strconv.Itoa(number))
			}
			at++
		case word == "STARTS":
			at++ // the moment is shown in the time zone of who asks
		case s.isName(at) && t.column(s.nameAt(at)) != nil:
			method = append(method, strings.ToLower(s.nameAt(at)))
		case slices.Contains(partitionWords, word):
			method = append(method, word)
		}
	}
	end := at
	if list >= 0 {
		end = list
	}
	t.options["partition by"] = trait{value: strings.Join(method, " "), text: "PARTITION BY " + strings.Join(strings.Fields(s.between(from, end)), " ")}
	if list < 0 {
		t.options["partitions"] = trait{value: strconv.Itoa(max(count, 1)), text: strconv.Itoa(max(count, 1)) + " partitions"}
		return
	}
	var names, values []string
	simple := true
	closing := s.closing(list)
	for i, depth := list, 0; i < closing; i++ {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			depth--
		}
		if depth != 1 || s.word(i) != "PARTITION" {
			continue
		}
		names = append(names, strings.ToLower(s.nameAt(i+1)))
		value := ""
		for i += 2; i < closing && !s.symbol(i, ',') && !slices.Contains(partitionEnds, s.word(i)); i++ {
			if s.symbol(i, '(') && s.word(i+1) == "SUBPARTITION" {
				break
			}
			if s.symbol(i, '(') {
				end := s.closing(i)
				for j := i + 1; j < end; j++ {
					switch {
					case s.isText(j):
						value += " '" + decoded(s, j) + "'"
					case s.symbol(j, '('), s.symbol(j, ')'), s.symbol(j, ','):
						simple = simple && (s.symbol(j, ',') || s.symbol(j, ')') || s.symbol(j-1, ',') || s.symbol(j-1, '('))
					default:
						value += " " + strings.ToUpper(s.nameAt(j))
						simple = simple && (s.symbol(j, '-') || isPlainValue(s.word(j)))
					}
				}
				i = end
				continue
			}
			value += " " + s.word(i)
		}
		i--
		values = append(values, names[len(names)-1]+value)
	}
	t.options["partitions"] = trait{value: strconv.Itoa(len(names)), text: strconv.Itoa(len(names)) + " partitions"}
	t.options["partition values"] = trait{value: strings.Join(values, ","), text: "partitions " + strings.Join(values, ", "), unknown: !simple}
}

// isPlainValue says whether a word is a number, or one that stands for itself.
func isPlainValue(word string) bool {
	return word != "" && (word[0]-'0' < 10 || slices.Contains([]string{"MAXVALUE", "NULL", "DEFAULT"}, word))
}
