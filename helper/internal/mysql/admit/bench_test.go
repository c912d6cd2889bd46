package admit

import (
	"strings"
	"testing"
)

func BenchmarkInsert(b *testing.B) {
	text := []byte("INSERT INTO `node` VALUES " + strings.Repeat("(12345,'article','It\\'s a title of a node',1,1700000000,NULL,-1.5,'<p>Some text of a body, which is longer than the rest of the row.</p>'),", 8000) + "(1)")
	j := judgeFor(servers[0])
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := j.Insert(text); err != nil {
			b.Fatal(err)
		}
	}
}
