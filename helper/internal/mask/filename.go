package mask

import "bytes"

// longestExtension is the longest that is kept, with its point. More is a name with a point in it.
const longestExtension = 6

// filename replaces the last part of a path, and keeps its extension. The folders stay, so that a file's name and its path become the same.
type filename struct {
	*hasher
	column Column
	length int
}

func newFilename(key Key, column Column) (Masker, error) {
	if err := onlyFor("filename", column, Text); err != nil {
		return nil, err
	}
	if column.Unique && column.UniquePrefix > 0 {
		return nil, uniqueErr("filename, with the folders before it,", "hash")
	}
	length, err := hashRoom("filename", column, longestExtension)
	if err != nil {
		return nil, err
	}
	return &filename{key.hasher("filename", column.Folded), column, length}, nil
}

func (m *filename) Mask(dst, value []byte) ([]byte, bool) {
	slash := bytes.LastIndexByte(value, '/') + 1
	name := value[slash:]
	if len(name) == 0 {
		return append(dst, value...), false
	}
	extension := name[len(name):]
	if point := bytes.LastIndexByte(name, '.'); point > 0 && len(name)-point <= longestExtension && isAlphanumeric(name[point+1:]) {
		extension = name[point:]
	}
	sum := m.hash(name)
	// Folders that leave no room for a name are left out.
	if m.column.room(len(value)+hashLetters) < slash+m.length+len(extension) {
		sum, slash = m.hash(value), 0
	}
	dst = append(dst, value[:slash]...)
	return append(appendHash(dst, sum, m.length), extension...), false
}

func isAlphanumeric(text []byte) bool {
	for _, c := range text {
		if class := asciiClass[c]; class != lower && class != upper && class != digit {
			return false
		}
	}
	return len(text) > 0
}
